# Loads with acquire, stores with release order, of all sizes.
# memory: 10 00 00 00 01 00 00 80 ff ff ff ff ff ff ff ff

        .globl  main
main:   r0 = load_acquire((u64 *)(r1 + 8))
        w3 = load_acquire((u8 *)(r1 + 0))
        w4 = load_acquire((u16 *)(r1 + 6))
        w5 = load_acquire((u32 *)(r1 + 4))
        store_release((u8 *)(r1 + 15), w3)
        store_release((u16 *)(r1 + 12), w4)
        store_release((u32 *)(r1 + 8), w5)
        store_release((u64 *)(r1 + 0), r0)
        r0 = r3
        r0 += r4
        r0 += r5
        exit

#= r0 = 0x80008011
#= memory[0] = ff ff ff ff ff ff ff ff 01 00 00 80 00 80
#= memory[15] = 10
