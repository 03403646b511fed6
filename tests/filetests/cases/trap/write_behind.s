# A write behind the context.
# run: checked !kernel
# memory: 01 02 03 04 05 06 07 08

        .globl  main
main:   *(u32 *)(r1 + 8) = 1
        r0 = 0
        exit

#= trap: write of 4 bytes at ADDRESS lies outside the program's memory; the nearest region is the context (ADDRESS..ADDRESS)
#=   at main+0x0 `*(u32 *)(r1 + 0x8) = 0x1` (write_behind.s:6)
