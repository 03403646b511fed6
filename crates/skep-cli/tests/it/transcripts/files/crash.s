        .globl main
main:   r1 = line ll
        call puts
        r1 = 8
        r0 = *(u64 *)(r1 + 8)
        exit
        .rodata
line:   .asciz "before"
