# A call of data.
# run: host checked !kernel

        .globl  main
main:   call    x
        exit
        .data
x:      .quad   0

#= error: call_data.s:5:17: call of what lies in section '.data', which holds no code
#=     5 | main:   call    x
#=       |                 ^
