# A jump by a table of labels.
# run: host checked
# args: 1

        .globl  main
main:   if r1 > 2 goto 3f
        r2 = table ll
        r1 <<= 3
        r2 += r1
        r2 = *(u64 *)(r2 + 0)
        gotox   r2
0:      r0 = 10
        exit
1:      r0 = 20
        exit
2:      r0 = 30
        exit
3:      r0 = -1
        exit

        .section .rodata
        .align  8
table:  .quad   0b, 1b, 2b

#= r0 = 0x14
