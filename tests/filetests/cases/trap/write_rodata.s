# A write into constants.
# run: checked

        .globl  main
main:   r1 = x ll
        *(u8 *)(r1 + 0) = 1
        r0 = 0
        exit
        .section .rodata
x:      .quad   1

#= trap: write of 1 bytes at ADDRESS lies outside the program's memory; the nearest region is .rodata (ADDRESS..ADDRESS, read-only)
#=   at main+0x10 `*(u8 *)(r1 + 0x0) = 0x1` (write_rodata.s:6)
