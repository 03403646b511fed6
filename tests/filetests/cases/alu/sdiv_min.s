# The smallest number divided by -1 is itself.
# args: 0x8000000000000000 -1

        .globl  main
main:   r0 = r1
        r0 s/= r2
        exit

#= r0 = 0x8000000000000000
