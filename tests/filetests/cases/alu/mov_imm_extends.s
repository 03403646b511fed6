# An immediate is sign-extended to 64 bits, in 32-bit moves to 32.

        .globl  main
main:   r0 = -5
        w1 = -5
        r0 ^= r1
        exit

#= r0 = 0xffffffff00000000
