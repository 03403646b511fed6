# A call keeps r6 to r9, and gives the function a frame of its own.

        .globl  main
main:   r6 = 1
        r7 = 2
        r8 = 3
        r9 = 4
        *(u64 *)(r10 - 8) = 5
        call    spoil
        r0 = r6
        r0 += r7
        r0 += r8
        r0 += r9
        r1 = *(u64 *)(r10 - 8)
        r0 += r1
        exit

spoil:  r6 = 100
        r7 = 100
        r8 = 100
        r9 = 100
        *(u64 *)(r10 - 8) = 100
        r0 = 0
        exit

#= r0 = 0xf
