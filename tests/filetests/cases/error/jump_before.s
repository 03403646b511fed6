# A jump before the beginning.
# run: host checked !kernel

        .globl  main
main:   r0 = 0
        if r1 > 3 goto -9
        exit

#= error: jump by -9 at main+0x8 (.text+0x8, jump_before.s:6) in jump_before.s leaves function 'main'; expected a call, or both in one function
