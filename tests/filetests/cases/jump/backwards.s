# A loop of n rounds.
# run: host checked
# args: 100

        .globl  main
main:   r0 = 0
again:  if r1 == 0 goto out
        r0 += r1
        r1 += -1
        goto again
out:    exit

#= r0 = 0x13ba
