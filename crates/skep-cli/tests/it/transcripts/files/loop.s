        .globl main
main:   call deeper
        exit
deeper: r1 = 0
again:  r1 += 1
        goto again
