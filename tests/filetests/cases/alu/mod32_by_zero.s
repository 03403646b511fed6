# A 32-bit remainder by zero keeps the low half of the dividend, and clears the upper one.
# args: 0xfedcba9876543210 0

        .globl  main
main:   r0 = r1
        w0 %= w2
        exit

#= r0 = 0x76543210
