# Branches that meet in the middle of each other.
# args: 12

        .globl  main
main:   r0 = 0
        if r1 > 5 goto high
low:    r0 += 1
        goto common
high:   r0 += 2
        if r1 > 10 goto low
common: r0 <<= 4
        r0 += r1
        exit

#= r0 = 0x3c
