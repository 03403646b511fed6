# -1 is smaller than 1.
# args: -1 1

        .globl  main
main:   r0 = 1
        if r1 s> r2 goto out
        r0 = 0
out:    exit

#= r0 = 0x0
