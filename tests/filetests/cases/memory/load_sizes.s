# Loads of all sizes are zero-extended.
# memory: 00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff

        .globl  main
main:   r0 = *(u8 *)(r1 + 8)
        r3 = *(u16 *)(r1 + 8)
        r0 += r3
        r3 = *(u32 *)(r1 + 8)
        r0 += r3
        r3 = *(u64 *)(r1 + 8)
        r0 += r3
        exit

#= r0 = 0xffeeddcd7755cd20
