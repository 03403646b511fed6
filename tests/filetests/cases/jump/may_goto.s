# Leaving a loop by may_goto does not happen while it is short.

        .globl  main
main:   r0 = 0
again:  may_goto out
        r0 += 1
        if r0 < 50 goto again
out:    exit

#= r0 = 0x32
