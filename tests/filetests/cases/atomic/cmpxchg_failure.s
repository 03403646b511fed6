# Otherwise memory stays, and r0 gets what it holds.
# memory: 10 00 00 00 01 00 00 80 ff ff ff ff ff ff ff ff

        .globl  main
main:   r0 = 1
        r3 = 77
        r0 = cmpxchg_64(r1 + 0, r0, r3)
        exit

#= r0 = 0x8000000100000010
