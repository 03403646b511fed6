# Functions that call each other without end.
# run: host checked !kernel
# depth: 16

        .globl  main
main:   call    a
        exit
a:      r6 = 1
        call    b
        exit
b:      call    a
        exit

#= trap: calls nest deeper than 16 frames
#=   at a+0x8 `call b` (recursion_mutual.s:9)
#=   called at b+0x0 `call a` (recursion_mutual.s:11)
#=   called at a+0x8 `call b` (recursion_mutual.s:9)
#=   called at b+0x0 `call a` (recursion_mutual.s:11)
#=   ...
