        .endian big
        .globl main
main:   r1 = number ll
        r0 = *(u32 *)(r1 + 4)
        exit
        .data
number: .quad 0x0102030405060708
