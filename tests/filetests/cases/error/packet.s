# The packet of a socket program.
# run: host checked !kernel

        .globl  main
main:   r6 = r1
        r0 = *(u16 *)skb[12]
        exit

#= error: function 'main', slot 1: ld_abs and ld_ind read the packet of a socket program, which user space does not have; read through the context instead
