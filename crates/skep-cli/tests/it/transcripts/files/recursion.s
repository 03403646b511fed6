        .globl main
main:   call main
        exit
