# A loop without end that may_goto guards does end, and says nothing of an error.
# run: host checked !oracle

        .globl  main
main:   r0 = 7
again:  may_goto out
        goto again
out:    exit

#= r0 = 0x7
