# A call by address; which function, is decided at run time.
# run: host checked
# args: 12 0

        .globl  main
main:   r3 = double ll
        if r2 != 0 goto 1f
        r3 = square ll
1:      callx   r3
        exit

double: r0 = r1
        r0 += r0
        exit

square: r0 = r1
        r0 *= r0
        exit

#= r0 = 0x90
