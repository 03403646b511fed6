# A call into another section.
# args: 4

        .globl  main
main:   call    far
        r0 += 1
        exit

        .section other,"ax",@progbits
        .globl  far
far:    r0 = r1
        r0 *= 10
        exit

#= r0 = 0x29
