# Moves with sign extension from 8, 16 and 32 bits.
# args: 0x80808181

        .globl  main
main:   r0 = (s8)r1
        r2 = (s16)r1
        r3 = (s32)r1
        r0 += r2
        r0 ^= r3
        exit

#= r0 = 0x7f7f0083
