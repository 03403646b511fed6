# Nested loops: the sum of i * j for i, j below 8.

        .globl  main
main:   r0 = 0
        r1 = 0
outer:  r2 = 0
inner:  r3 = r1
        r3 *= r2
        r0 += r3
        r2 += 1
        if r2 < 8 goto inner
        r1 += 1
        if r1 < 8 goto outer
        exit

#= r0 = 0x310
