# An address of an arena.
# run: host checked !kernel

        .globl  main
main:   r0 = addr_space_cast(r1, 0, 1)
        exit

#= error: function 'main', slot 0: addr_space_cast needs a map of type arena, which user space does not have
