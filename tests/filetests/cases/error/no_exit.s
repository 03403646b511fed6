# A function without an end.
# run: host checked !kernel

        .globl  main
main:   r0 = 0

#= error: function 'main' is not valid at main+0x0 (.text+0x0, no_exit.s:5) in no_exit.s: slot 0: the last insn falls off the end of the function; expected exit, goto or a call
