# A function without anything.
# run: host checked !kernel

        .globl  main
main:

#= error: empty.s:5:1: function 'main' has no instructions; expected at least 'exit'
#=     5 | main:
#=       | ^^^^
