# The negation of the smallest number is itself.
# args: 0x8000000000000000

        .globl  main
main:   r0 = r1
        r0 = -r0
        exit

#= r0 = 0x8000000000000000
