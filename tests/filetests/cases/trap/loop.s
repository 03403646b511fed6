# A loop without end spends its budget.
# run: host checked !kernel
# budget: 1000

        .globl  main
main:   again: r1 += 1
        goto again

#= trap: the budget of 1000 instructions is spent
#=   at main+0x0 `r1 += 0x1` (loop.s:6)
