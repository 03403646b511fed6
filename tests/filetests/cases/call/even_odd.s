# Functions that call each other.
# run: host checked
# args: 101

        .globl  main
main:   call    even
        exit

even:   r0 = 1
        if r1 == 0 goto 1f
        r1 += -1
        call    odd
1:      exit

odd:    r0 = 0
        if r1 == 0 goto 1f
        r1 += -1
        call    even
1:      exit

#= r0 = 0x0
