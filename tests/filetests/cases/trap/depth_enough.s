# Calls as deep as is allowed.
# run: host checked
# depth: 8

        .globl  main
main:   r1 = 7
        call    down
        exit
down:   r0 = 5
        if r1 == 1 goto 1f
        r1 += -1
        call    down
1:      exit

#= r0 = 0x5
