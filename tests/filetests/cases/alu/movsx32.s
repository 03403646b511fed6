# Moves with sign extension to 32 bits clear the upper half.
# args: 0x8182

        .globl  main
main:   w0 = (s8)w1
        w2 = (s16)w1
        r0 <<= 32
        r0 |= r2
        exit

#= r0 = 0xffffff82ffff8182
