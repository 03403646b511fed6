# A table of functions in data.
# run: host checked
# args: 40 2

        .globl  main
main:   r2 <<= 3
        r3 = table ll
        r3 += r2
        r3 = *(u64 *)(r3 + 0)
        callx   r3
        exit

        .type   inc, @function
        .type   dec, @function
        .type   neg, @function
inc:    r0 = r1
        r0 += 1
        exit
dec:    r0 = r1
        r0 += -1
        exit
neg:    r0 = r1
        r0 = -r0
        exit

        .section .rodata
        .align  8
table:  .quad   inc, dec, neg

#= r0 = 0xffffffffffffffd8
