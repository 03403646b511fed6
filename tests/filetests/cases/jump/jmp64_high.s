# A 64-bit comparison looks at the high halves, too: never compile it as the 32-bit one.
# args: 0x100000005 0x200000005

        .globl  main
main:   r0 = 1
        if r1 == r2 goto out
        r0 = 0
out:    exit

#= r0 = 0x0
