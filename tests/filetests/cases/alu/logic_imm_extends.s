# Immediates of and, or, xor are sign-extended in 64 bits, not in 32.
# args: 0x00000001deadbeef

        .globl  main
main:   r0 = r1
        r0 &= -16
        r0 |= -2147483648
        r2 = r1
        w2 ^= -1
        r0 += r2
        exit

#= r0 = 0xfffffffffffffff0
