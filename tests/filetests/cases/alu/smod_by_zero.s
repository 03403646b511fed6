# A signed remainder by zero keeps the dividend; the divisor is zero in its low half only.
# args: 0xfedcba98f6543210 0x500000000

        .globl  main
main:   r0 = r1
        w0 s%= w2
        exit

#= r0 = 0xf6543210
