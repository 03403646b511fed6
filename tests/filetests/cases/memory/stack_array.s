# Ten squares on the stack, and their sum by a computed index.
# memory: 00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff

        .globl  main
main:   r3 = 0
fill:   r4 = r3
        r4 *= r4
        r5 = r3
        r5 <<= 3
        r2 = r10
        r2 += -80
        r2 += r5
        *(u64 *)(r2 + 0) = r4
        r3 += 1
        if r3 < 10 goto fill
        r0 = 0
        r3 = 0
sum:    r5 = r3
        r5 <<= 3
        r2 = r10
        r2 += -80
        r2 += r5
        r4 = *(u64 *)(r2 + 0)
        r0 += r4
        r3 += 1
        if r3 < 10 goto sum
        exit

#= r0 = 0x11d
