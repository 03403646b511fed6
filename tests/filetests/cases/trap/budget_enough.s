# A program of four instructions with a budget of four.
# run: host checked
# budget: 4

        .globl  main
main:   r0 = 1
        r0 += 1
        r0 += 1
        exit

#= r0 = 0x3
