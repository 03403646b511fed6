# A call of data.
# run: checked

        .globl  main
main:   r1 = x ll
        callx   r1
        exit
        .data
x:      .quad   1

#= trap: call of ADDRESS, which is no function of the program
#=   at main+0x10 `callx r1` (callx_data.s:6)
