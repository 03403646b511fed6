# The same with one frame less.
# run: host checked
# depth: 7

        .globl  main
main:   r1 = 7
        call    down
        exit
down:   r0 = 5
        if r1 == 1 goto 1f
        r1 += -1
        call    down
1:      exit

#= trap: calls nest deeper than 7 frames
#=   at down+0x18 `call down` (depth_exceeded.s:12)
#=   called at down+0x18 `call down` (depth_exceeded.s:12)
#=   called at down+0x18 `call down` (depth_exceeded.s:12)
#=   called at down+0x18 `call down` (depth_exceeded.s:12)
#=   ...
