# A switch as a chain of comparisons.
# args: 2

        .globl  main
main:   r0 = 100
        if r1 == 1 goto one
        if r1 == 2 goto two
        if r1 == 3 goto three
        r0 = -1
        exit
one:    r0 += 1
        exit
two:    r0 += 2
        exit
three:  r0 += 3
        exit

#= r0 = 0x66
