# The high half of a 64-bit product, put together from 32-bit parts.
# args: 0xfedcba9876543210 0xf0e1d2c3b4a59687

        .globl  main
main:   r3 = r1
        w3 = w3
        r4 = r1
        r4 >>= 32
        r5 = r2
        w5 = w5
        r0 = r2
        r0 >>= 32
        r1 = r3
        r1 *= r5
        r1 >>= 32
        r2 = r4
        r2 *= r5
        r2 += r1
        r3 *= r0
        r4 *= r0
        r1 = r2
        w1 = w1
        r1 += r3
        r1 >>= 32
        r2 >>= 32
        r0 = r4
        r0 += r1
        r0 += r2
        exit

#= r0 = 0xefcfc0c2d5fa2f75
