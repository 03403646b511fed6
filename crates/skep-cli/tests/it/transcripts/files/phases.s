        .section BEGIN
first:  r1 = one ll
        call puts
        r0 = 1
        exit
        .section END
last:   r1 = three ll
        call puts
        r0 = 3
        exit
        .text
        .globl main
main:   r6 = r1
        r1 = two ll
        call puts
        r0 = r6
        exit
        .globl other
other:  r0 = r1
        r0 -= r2
        exit
        .rodata
one:    .asciz "begin"
two:    .asciz "main"
three:  .asciz "end"
