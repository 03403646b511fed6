# The length of a string.
# memory: 68 65 6c 6c 6f 00 77 6f

        .globl  main
main:   r0 = 0
again:  r3 = *(u8 *)(r1 + 0)
        if r3 == 0 goto out
        r1 += 1
        r0 += 1
        if r0 < 8 goto again
out:    exit

#= r0 = 0x5
