# Functions of the C library by name.
# run: host checked

        .globl  main
main:   r1 = text ll
        call    strlen
        r6 = r0
        r1 = text ll
        r2 = other ll
        r3 = 5
        call    memcmp
        if w0 != 0 goto 1f
        r0 = r6
1:      exit

        .section .rodata
text:   .asciz  "a skep of bees"
other:  .asciz  "a skein"

#= r0 = 0xe
