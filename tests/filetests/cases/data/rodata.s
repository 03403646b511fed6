# A constant.
# run: host checked

        .globl  main
main:   r1 = answer ll
        r0 = *(u32 *)(r1 + 0)
        exit

        .section .rodata
        .align  4
answer: .long   42

#= r0 = 0x2a
