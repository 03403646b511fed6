# The number of bits set, by the usual masks.
# args: 0xf0f00000ffff0001

        .globl  main
main:   r0 = r1
        r0 >>= 1
        r2 = 0x5555555555555555 ll
        r0 &= r2
        r1 -= r0
        r2 = 0x3333333333333333 ll
        r0 = r1
        r0 &= r2
        r1 >>= 2
        r1 &= r2
        r0 += r1
        r1 = r0
        r1 >>= 4
        r0 += r1
        r2 = 0x0f0f0f0f0f0f0f0f ll
        r0 &= r2
        r2 = 0x0101010101010101 ll
        r0 *= r2
        r0 >>= 56
        exit

#= r0 = 0x19
