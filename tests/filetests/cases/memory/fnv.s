# The FNV-1a hash of 8 bytes.
# memory: 73 6b 65 70 20 42 50 46

        .globl  main
main:   r0 = 0xcbf29ce484222325 ll
        r3 = 0x100000001b3 ll
        r2 = 8
again:  r4 = *(u8 *)(r1 + 0)
        r0 ^= r4
        r0 *= r3
        r1 += 1
        r2 += -1
        if r2 != 0 goto again
        exit

#= r0 = 0xc376545e88dded7a
