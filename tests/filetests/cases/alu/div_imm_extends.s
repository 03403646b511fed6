# The immediate of an unsigned division is sign-extended: it divides by 2^64 - 2.
# args: -1

        .globl  main
main:   r0 = r1
        r0 /= -2
        exit

#= r0 = 0x1
