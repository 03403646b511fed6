# The immediate of an unsigned comparison is sign-extended: 2^32 - 1 is below 2^64 - 1.
# args: 0xffffffff

        .globl  main
main:   r0 = 1
        if r1 < -1 goto out
        r0 = 0
out:    exit

#= r0 = 0x1
