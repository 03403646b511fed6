# An exchange of 64 and one of 32 bits.
# memory: 10 00 00 00 01 00 00 80 ff ff ff ff ff ff ff ff

        .globl  main
main:   r3 = 0x1122334455667788 ll
        r4 = r3
        r3 = xchg_64(r1 + 0, r3)
        w4 = xchg32_32(r1 + 8, w4)
        r0 = r3
        r0 += r4
        exit

#= r0 = 0x800000020000000f
#= memory[0] = 88 77 66 55 44 33 22 11 88 77 66 55
