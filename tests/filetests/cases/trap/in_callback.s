# A trap in a function that a helper calls.
# run: checked

        .globl  main
main:   r1 = 3
        r2 = bad ll
        r3 = 0
        r4 = 0
        call    bpf_loop
        exit
bad:    r0 = *(u64 *)(r2 + 16)
        exit

#= trap: read of 8 bytes at 0x10 lies outside the program's memory; the nearest region is the stack (ADDRESS..ADDRESS)
#=   at bad+0x0 `r0 = *(u64 *)(r2 + 0x10)` (in_callback.s:11)
#=   called at main+0x28 `call bpf_loop` (in_callback.s:9)
