# A read behind a data section.
# run: checked

        .globl  main
main:   r1 = x ll
        r0 = *(u64 *)(r1 + 8)
        exit
        .data
        .align  8
x:      .quad   1

#= trap: read of 8 bytes at ADDRESS lies outside the program's memory; the nearest region is .data (ADDRESS..ADDRESS)
#=   at main+0x10 `r0 = *(u64 *)(r1 + 0x8)` (behind_data.s:6)
