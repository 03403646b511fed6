# A 32-bit negation clears the upper half.
# args: 0x100000001

        .globl  main
main:   r0 = r1
        w0 = -w0
        exit

#= r0 = 0xffffffff
