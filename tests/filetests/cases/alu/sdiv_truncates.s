# A signed division rounds towards zero: -13 / 3 is -4.
# args: -13

        .globl  main
main:   r0 = r1
        r0 s/= 3
        exit

#= r0 = 0xfffffffffffffffc
