# A common bit in the high half counts.
# args: 0x8000000000000000 0xf000000000000000

        .globl  main
main:   r0 = 1
        if r1 & r2 goto out
        r0 = 0
out:    exit

#= r0 = 0x1
