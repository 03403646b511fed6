# Accesses need no alignment.
# memory: 00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff

        .globl  main
main:   r0 = *(u64 *)(r1 + 3)
        *(u32 *)(r1 + 9) = r0
        r0 = *(u16 *)(r1 + 1)
        exit

#= r0 = 0x2211
#= memory[9] = 33 44 55 66
