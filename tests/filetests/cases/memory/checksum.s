# The internet checksum of an IPv4 header: it is 0 if the header is sound.
# memory: 45 00 00 73 00 00 40 00 40 11 b8 61 c0 a8 00 01 c0 a8 00 c7

        .globl  main
main:   r0 = 0
        r2 = 10
again:  r3 = *(u16 *)(r1 + 0)
        r0 += r3
        r1 += 2
        r2 += -1
        if r2 != 0 goto again
        r1 = r0
        r1 >>= 16
        w0 = (s16)w0
        r0 &= 0xffff
        r0 += r1
        r0 ^= 0xffff
        exit

#= r0 = 0x0
