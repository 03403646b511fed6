# An atomic behind the context.
# run: checked !kernel
# memory: 01 02 03 04 05 06 07 08

        .globl  main
main:   r0 = 1
        lock *(u64 *)(r1 + 8) += r0
        exit

#= trap: write of 8 bytes at ADDRESS lies outside the program's memory; the nearest region is the context (ADDRESS..ADDRESS)
#=   at main+0x8 `lock *(u64 *)(r1 + 0x8) += r0` (atomic_behind.s:7)
