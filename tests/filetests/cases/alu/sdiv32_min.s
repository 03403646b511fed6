# The same in 32 bits.
# args: 0x80000000 -1

        .globl  main
main:   r0 = r1
        w0 s/= w2
        exit

#= r0 = 0x80000000
