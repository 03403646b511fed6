# On failure it is cleared, too.
# memory: 10 00 00 00 01 00 00 80 ff ff ff ff ff ff ff ff

        .globl  main
main:   r0 = 0x7700000011 ll
        r3 = 77
        w0 = cmpxchg32_32(r1 + 8, w0, w3)
        exit

#= r0 = 0xffffffff
