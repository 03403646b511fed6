# A label that is not there.
# run: host checked !kernel

        .globl  main
main:   r0 = 0
        goto    ende
end:    exit

#= error: undefined_label.s:6:17: undefined label 'ende'; did you mean 'end'?
#=     6 |         goto    ende
#=       |                 ^^^^
