# The shortest of them.
# run: host checked !kernel
# budget: 1000

        .globl  main
main:   again: goto again

#= trap: the budget of 1000 instructions is spent
#=   at main+0x0 `goto -0x1` (loop_to_itself.s:6)
