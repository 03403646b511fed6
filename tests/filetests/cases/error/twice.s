# A function defined twice.
# run: host checked !kernel

        .globl  main
main:   r0 = 0
        exit
main:   r0 = 1
        exit

#= error: twice.s:7:1: 'main' is already defined, in line 5; names stand for one thing
#=     7 | main:   r0 = 1
#=       | ^^^^
