# Five arguments, one result.
# args: 1 2 3 4 5

        .globl  main
main:   call    weigh
        exit

weigh:  r0 = r1
        r2 <<= 4
        r0 += r2
        r3 <<= 8
        r0 += r3
        r4 <<= 12
        r0 += r4
        r5 <<= 16
        r0 += r5
        exit

#= r0 = 0x54321
