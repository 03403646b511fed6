# A read that begins inside and ends outside.
# run: checked !kernel
# memory: 01 02 03 04 05 06 07 08

        .globl  main
main:   r0 = *(u64 *)(r1 + 1)
        exit

#= trap: read of 8 bytes at ADDRESS lies outside the program's memory; the nearest region is the context (ADDRESS..ADDRESS)
#=   at main+0x0 `r0 = *(u64 *)(r1 + 0x1)` (read_across.s:6)
