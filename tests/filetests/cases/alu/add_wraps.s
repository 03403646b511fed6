# An addition wraps at 64 bits.
# args: 0xffffffffffffffff 3

        .globl  main
main:   r0 = r1
        r0 += r2
        exit

#= r0 = 0x2
