# In 32 bits it does not.
# args: 0x8000000000000000 0xf000000000000000

        .globl  main
main:   r0 = 1
        if w1 & w2 goto out
        r0 = 0
out:    exit

#= r0 = 0x0
