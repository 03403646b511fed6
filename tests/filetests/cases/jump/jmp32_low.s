# A 32-bit comparison looks at the low halves only.
# args: 0x100000005 0x200000005

        .globl  main
main:   r0 = 1
        if w1 == w2 goto out
        r0 = 0
out:    exit

#= r0 = 0x1
