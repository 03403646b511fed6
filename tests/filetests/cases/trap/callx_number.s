# A call of a number that is no helper.
# run: checked !kernel

        .globl  main
main:   r1 = 0x7fffffff
        callx   r1
        exit

#= trap: call of 0x7fffffff, which is no function of the program
#=   at main+0x8 `callx r1` (callx_number.s:6)
