# A call of a weak function that nothing defines.
# run: host checked

        .weak   missing
        .globl  main
main:   call    missing
        exit

#= trap: call of weak symbol 'missing', which nothing defines
#=   at main+0x0 `call missing` (weak.s:6)
