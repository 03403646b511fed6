# CRC-32 bit by bit.
# run: host checked
# memory: 31 32 33 34 35 36 37 38 39

        .globl  main
main:   w0 = -1
        r2 += r1
next:   if r1 >= r2 goto out
        w3 = *(u8 *)(r1 + 0)
        r1 += 1
        w0 ^= w3
        w4 = 8
bit:    w5 = w0
        w5 &= 1
        w5 = -w5
        w5 &= 0xedb88320
        w0 >>= 1
        w0 ^= w5
        w4 += -1
        if w4 != 0 goto bit
        goto next
out:    w0 ^= -1
        exit

#= r0 = 0xcbf43926
