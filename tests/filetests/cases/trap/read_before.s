# A read of one byte before the context.
# run: checked
# memory: 01 02 03 04 05 06 07 08

        .globl  main
main:   r0 = *(u8 *)(r1 - 1)
        exit

#= trap: read of 1 bytes at ADDRESS lies outside the program's memory; the nearest region is the context (ADDRESS..ADDRESS)
#=   at main+0x0 `w0 = *(u8 *)(r1 - 0x1)` (read_before.s:6)
