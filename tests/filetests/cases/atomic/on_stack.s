# Atomics work on the stack as well.
# memory: 10 00 00 00 01 00 00 80 ff ff ff ff ff ff ff ff

        .globl  main
main:   r0 = 5
        *(u64 *)(r10 - 8) = r0
        r3 = 3
        r3 = atomic_fetch_add((u64 *)(r10 - 8), r3)
        r0 = *(u64 *)(r10 - 8)
        r0 <<= 8
        r0 += r3
        exit

#= r0 = 0x805
