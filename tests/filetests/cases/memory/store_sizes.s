# Stores keep the low bytes, and leave those beside.
# memory: 00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff

        .globl  main
main:   r3 = 0x0102030405060708 ll
        *(u8 *)(r1 + 0) = r3
        *(u16 *)(r1 + 2) = r3
        *(u32 *)(r1 + 4) = r3
        *(u64 *)(r1 + 8) = r3
        r0 = 0
        exit

#= r0 = 0x0
#= memory[0] = 08
#= memory[2] = 08 07 08 07 06 05 08 07 06 05 04 03 02 01
