# A write below the last frame that calls could have.
# run: checked !kernel

        .globl  main
main:   r1 = r10
        r1 += -0x200000
        *(u64 *)(r1 + 0) = 1
        r0 = 0
        exit

#= trap: write of 8 bytes at ADDRESS lies outside the program's memory; the nearest region is the stack (ADDRESS..ADDRESS)
#=   at main+0x10 `*(u64 *)(r1 + 0x0) = 0x1` (below_frame.s:7)
