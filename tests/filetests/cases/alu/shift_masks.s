# Counts of shifts by a register are taken modulo the width.
# args: 67

        .globl  main
main:   r0 = 1
        r0 <<= r1
        r3 = 1
        w3 <<= w1
        r0 += r3
        exit

#= r0 = 0x10
