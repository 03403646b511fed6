# Calls eight deep, the kernel's limit.
# args: 9

        .globl  main
main:   r0 = r1
        r0 += 1
        call    f2
        exit
f2:     r1 += 2
        call    f3
        r0 += 2
        exit
f3:     r1 *= 3
        call    f4
        r0 += 3
        exit
f4:     r1 += 4
        call    f5
        r0 += 4
        exit
f5:     r1 *= 5
        call    f6
        r0 += 5
        exit
f6:     r1 += 6
        call    f7
        r0 += 6
        exit
f7:     r0 = r1
        r0 *= 7
        exit

#= r0 = 0x54d
