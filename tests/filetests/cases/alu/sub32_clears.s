# A 32-bit subtraction borrows from bit 32 only, and clears the upper half.
# args: 0xffffffff00000001 2

        .globl  main
main:   r0 = r1
        w0 -= w2
        exit

#= r0 = 0xffffffff
