# A shift by the width does nothing; in 32 bits it clears the upper half.
# args: 0x1234567890abcdef 32

        .globl  main
main:   r0 = r1
        w0 >>= w2
        exit

#= r0 = 0x90abcdef
