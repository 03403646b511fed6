# An arithmetic shift of 64 bits fills with bit 63.
# args: 0xa000000000000000

        .globl  main
main:   r0 = r1
        r0 s>>= 60
        exit

#= r0 = 0xfffffffffffffffa
