# A loop that the verifier can follow.
# args: 7

        .globl  main
main:   r0 = 0
        r2 = 10
again:  r0 += r1
        r2 += -1
        if r2 != 0 goto again
        exit

#= r0 = 0x46
