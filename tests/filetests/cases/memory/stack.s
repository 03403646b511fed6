# A spill of each size, and what comes back.
# memory: 00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff

        .globl  main
main:   *(u64 *)(r10 - 8) = r1
        *(u32 *)(r10 - 12) = w2
        *(u16 *)(r10 - 16) = r2
        *(u8 *)(r10 - 17) = r2
        r1 = *(u64 *)(r10 - 8)
        r0 = *(u8 *)(r1 + 4)
        r3 = *(u32 *)(r10 - 12)
        r0 += r3
        r3 = *(u8 *)(r10 - 17)
        r0 += r3
        exit

#= r0 = 0x64
