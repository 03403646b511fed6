# The length of a string, counted.
# run: host checked

        .globl  main
main:   r1 = text ll
        r0 = 0
1:      r2 = *(u8 *)(r1 + 0)
        if r2 == 0 goto 2f
        r0 += 1
        r1 += 1
        goto 1b
2:      exit

        .section .rodata
text:   .asciz  "ten\tletters"

#= r0 = 0xb
