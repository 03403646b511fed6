# A 64-bit immediate, and a jump over one.
# args: 7

        .globl  main
main:   r0 = 0x123456789abcdef0 ll
        if r1 == 7 goto out
        r0 = 0x1111111111111111 ll
out:    exit

#= r0 = 0x123456789abcdef0
