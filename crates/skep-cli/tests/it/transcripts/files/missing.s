        .globl main
main:   call printff
        r1 = stdot ll
        r0 = 0
        exit
