# A store with release order that is not aligned.
# run: host checked !kernel
# memory: 01 02 03 04 05 06 07 08 01 02 03 04 05 06 07 08

        .globl  main
main:   store_release((u64 *)(r1 + 4), r2)
        r0 = 0
        exit

#= trap: atomic access of 8 bytes at ADDRESS, expected an address aligned to 8
#=   at main+0x0 `store_release((u64 *)(r1 + 0x4), r2)` (unaligned_release.s:6)
