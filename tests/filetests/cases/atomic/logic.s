# Or, and, xor, with and without result.
# memory: 10 00 00 00 01 00 00 80 ff ff ff ff ff ff ff ff

        .globl  main
main:   r3 = 0x0f
        lock *(u64 *)(r1 + 0) |= r3
        lock *(u32 *)(r1 + 8) &= w3
        r3 = -1
        lock *(u32 *)(r1 + 12) ^= w3
        r4 = 0xf0
        r4 = atomic_fetch_or((u64 *)(r1 + 8), r4)
        r5 = 0xff
        w5 = atomic_fetch_and((u32 *)(r1 + 0), w5)
        r0 = 0x55
        r0 = atomic_fetch_xor((u64 *)(r1 + 0), r0)
        r0 += r4
        r0 += r5
        exit

#= r0 = 0x800000010000004d
#= memory[0] = 4a
#= memory[9] = 00 00 00 00 00 00 00
