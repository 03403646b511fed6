# The old value comes back, zero-extended in 32 bits.
# memory: 10 00 00 00 01 00 00 80 ff ff ff ff ff ff ff ff

        .globl  main
main:   r3 = -1
        r4 = -1
        r3 = atomic_fetch_add((u64 *)(r1 + 0), r3)
        w4 = atomic_fetch_add((u32 *)(r1 + 8), w4)
        r0 = r3
        r0 ^= r4
        exit

#= r0 = 0x80000001ffffffef
#= memory[0] = 0f
#= memory[8] = fe
