# A jump behind the end.
# run: host checked !kernel

        .globl  main
main:   r0 = 0
        goto +5
        exit

#= error: jump by 5 at main+0x8 (.text+0x8, jump_out.s:6) in jump_out.s leaves function 'main'; expected a call, or both in one function
