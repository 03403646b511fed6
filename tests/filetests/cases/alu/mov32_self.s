# A 32-bit move of a register to itself clears the upper half.
# args: -1

        .globl  main
main:   r0 = r1
        w0 = w0
        exit

#= r0 = 0xffffffff
