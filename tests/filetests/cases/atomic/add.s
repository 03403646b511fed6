# Additions without result, in both sizes: no carry into the next bytes.
# memory: 10 00 00 00 01 00 00 80 ff ff ff ff ff ff ff ff

        .globl  main
main:   r3 = 1
        lock *(u32 *)(r1 + 8) += w3
        lock *(u64 *)(r1 + 0) += r3
        r0 = r3
        exit

#= r0 = 0x1
#= memory[0] = 11
#= memory[8] = 00 00 00 00
