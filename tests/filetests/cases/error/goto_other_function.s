# A jump into another function.
# run: host checked !kernel

        .globl  main
main:   r0 = 0
        goto    other
        .globl  other
other:  r0 = 1
        exit

#= error: jump by 0 at main+0x8 (.text+0x8, goto_other_function.s:6) in goto_other_function.s leaves function 'main' for 'other'; expected a call, or both in one function
