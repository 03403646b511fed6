# A remainder by zero keeps the dividend.
# args: 0xfedcba9876543210 0

        .globl  main
main:   r0 = r1
        r0 %= r2
        exit

#= r0 = 0xfedcba9876543210
