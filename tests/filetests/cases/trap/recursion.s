# Recursion without end.
# run: host checked !kernel

        .globl  main
main:   call    main
        exit

#= trap: calls nest deeper than 512 frames
#=   at main+0x0 `call main` (recursion.s:5)
#=   called at main+0x0 `call main` (recursion.s:5)
#=   called at main+0x0 `call main` (recursion.s:5)
#=   called at main+0x0 `call main` (recursion.s:5)
#=   ...
