# Offsets go both ways.
# memory: 00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff

        .globl  main
main:   r1 += 8
        r0 = *(u32 *)(r1 - 8)
        *(u8 *)(r1 - 1) = r0
        exit

#= r0 = 0x33221100
#= memory[7] = 00
