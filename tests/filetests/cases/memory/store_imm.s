# Stores of immediates: those of 8 bytes are sign-extended.
# memory: 00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff

        .globl  main
main:   *(u8 *)(r1 + 0) = -1
        *(u16 *)(r1 + 2) = -2
        *(u32 *)(r1 + 4) = -3
        *(u64 *)(r1 + 8) = -4
        r0 = 0
        exit

#= r0 = 0x0
#= memory[0] = ff
#= memory[2] = fe ff fd ff ff ff fc ff ff ff ff ff ff
