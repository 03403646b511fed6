# A register is not less than itself.
# args: 5

        .globl  main
main:   r0 = 1
        if r1 s< r1 goto out
        r0 = 0
out:    exit

#= r0 = 0x0
