        .globl main
main:   call inner
        exit
inner:  r1 = limit ll
        r0 = *(u64 *)(r1 + 8)
        exit
        .data
limit:  .quad 7
