# A string without an end: checked, it may not be passed.
        .globl main
main:   *(u64 *)(r10 - 8) = -1
        r1 = r10
        r1 += -8
        call puts
        exit
