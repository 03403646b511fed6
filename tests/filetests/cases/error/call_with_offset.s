# A call of the middle of another function.
# run: host checked !kernel

        .globl  main
main:   call    other + 8
        exit
other:  r0 = 1
        r0 = 2
        exit

#= error: call_with_offset.s:5:23: expected the end of the instruction, found '+'
#=     5 | main:   call    other + 8
#=       |                       ^
