# A function that was said not to return does.
# run: host checked !kernel

        .globl  main
main:   call    back

back:   r0 = 0
        exit

#= trap: ran off the end of the function, behind a call that was not expected to return
#=   at main+0x0 `call back` (noreturn.s:5)
