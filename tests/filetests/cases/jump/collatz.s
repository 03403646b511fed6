# Steps of the Collatz sequence from 27.
# run: host checked
# args: 27

        .globl  main
main:   r0 = 0
again:  if r1 == 1 goto out
        r0 += 1
        if r1 & 1 goto odd
        r1 >>= 1
        goto again
odd:    r2 = r1
        r1 <<= 1
        r1 += r2
        r1 += 1
        goto again
out:    exit

#= r0 = 0x6f
