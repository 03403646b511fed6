# Where r0 is what memory holds, the new value goes there.
# memory: 10 00 00 00 01 00 00 80 ff ff ff ff ff ff ff ff

        .globl  main
main:   r0 = *(u64 *)(r1 + 0)
        r3 = 77
        r0 = cmpxchg_64(r1 + 0, r0, r3)
        exit

#= r0 = 0x8000000100000010
#= memory[0] = 4d
#= memory[4] = 00
#= memory[7] = 00
