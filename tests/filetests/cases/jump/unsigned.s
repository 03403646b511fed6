# -1 is the largest number.
# args: -1 1

        .globl  main
main:   r0 = 1
        if r1 > r2 goto out
        r0 = 0
out:    exit

#= r0 = 0x1
