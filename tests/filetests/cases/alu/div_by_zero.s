# A division by zero gives zero, in both widths and both signs.
# args: 0x123456789 0

        .globl  main
main:   r0 = r1
        r0 /= r2
        r3 = r1
        w3 /= w2
        r0 |= r3
        r3 = r1
        r3 s/= r2
        r0 |= r3
        r3 = r1
        w3 s/= w2
        r0 |= r3
        exit

#= r0 = 0x0
