# A multiplication keeps the low half of the product.
# args: 0xfedcba9876543210 0x123456789abcdef

        .globl  main
main:   r0 = r1
        r0 *= r2
        exit

#= r0 = 0x2236d88fe5618cf0
