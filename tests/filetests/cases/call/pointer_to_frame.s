# A function writes into its caller's frame.

        .globl  main
main:   *(u64 *)(r10 - 16) = 0
        r1 = r10
        r1 += -16
        call    fill
        r0 = *(u64 *)(r10 - 16)
        exit

fill:   *(u32 *)(r1 + 0) = 0x11223344
        *(u8 *)(r1 + 7) = 0x55
        r0 = 0
        exit

#= r0 = 0x5500000011223344
