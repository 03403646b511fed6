# A program of four instructions with a budget of three.
# run: host checked
# budget: 3

        .globl  main
main:   r0 = 1
        r0 += 1
        r0 += 1
        exit

#= trap: the budget of 3 instructions is spent
#=   at main+0x18 `exit` (budget_exact.s:9)
