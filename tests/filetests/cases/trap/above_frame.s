# A read above the frame of the first function.
# run: checked !kernel

        .globl  main
main:   r0 = *(u64 *)(r10 + 0)
        exit

#= trap: read of 8 bytes at ADDRESS lies outside the program's memory; the nearest region is the stack (ADDRESS..ADDRESS)
#=   at main+0x0 `r0 = *(u64 *)(r10 + 0x0)` (above_frame.s:5)
