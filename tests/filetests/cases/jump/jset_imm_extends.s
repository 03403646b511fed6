# The mask is sign-extended.
# args: 0x4000000000000000

        .globl  main
main:   r0 = 1
        if r1 & -2147483648 goto out
        r0 = 0
out:    exit

#= r0 = 0x1
