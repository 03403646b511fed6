# An atomic that is not aligned.
# run: host checked !kernel
# memory: 01 02 03 04 05 06 07 08

        .globl  main
main:   r0 = 1
        lock *(u32 *)(r1 + 1) += w0
        exit

#= trap: atomic access of 4 bytes at ADDRESS, expected an address aligned to 4
#=   at main+0x8 `lock *(u32 *)(r1 + 0x1) += w0` (unaligned_atomic.s:7)
