# A signed remainder has the sign of the dividend: -13 % 3 is -1.
# args: -13

        .globl  main
main:   r0 = r1
        r0 s%= 3
        exit

#= r0 = 0xffffffffffffffff
