# Copies half of the memory over the other one, byte by byte.
# memory: 00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff

        .globl  main
main:   r3 = 8
again:  r4 = *(u8 *)(r1 + 0)
        *(u8 *)(r1 + 8) = r4
        r1 += 1
        r3 += -1
        if r3 != 0 goto again
        r0 = 0
        exit

#= r0 = 0x0
#= memory[8] = 00 11 22 33 44 55 66 77
