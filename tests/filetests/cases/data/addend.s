# The middle of an array.
# run: host checked

        .globl  main
main:   r1 = array + 8 ll
        r0 = *(u32 *)(r1 + 0)
        r1 = *(u32 *)(r1 - 4)
        r0 -= r1
        exit

        .section .rodata
        .align  4
array:  .long   1, 10, 100, 1000

#= r0 = 0x5a
