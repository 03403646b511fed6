# Bit 31 is the sign of a 32-bit comparison.
# args: 0x80000000

        .globl  main
main:   r0 = 1
        if w1 s< 0 goto out
        r0 = 0
out:    exit

#= r0 = 0x1
