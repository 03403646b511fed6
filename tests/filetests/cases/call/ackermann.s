# Deep recursion: the function of Ackermann and Péter.
# run: host checked
# args: 2 9

        .globl  main
main:   call    a
        exit

a:      if r1 != 0 goto 1f
        r0 = r2
        r0 += 1
        exit
1:      r6 = r1
        if r2 != 0 goto 2f
        r1 = r6
        r1 += -1
        r2 = 1
        call    a
        exit
2:      r2 += -1
        call    a
        r2 = r0
        r1 = r6
        r1 += -1
        call    a
        exit

#= r0 = 0x15
