# A C function that would run out of the program's memory.
# run: checked
# memory: 61 61 61 61

        .globl  main
main:   call    strlen
        exit

#= trap: strlen: argument 1: no C string: read of 5 bytes at ADDRESS lies outside the program's memory; the nearest region is the context (ADDRESS..ADDRESS)
#=   at main+0x0 `call strlen` (string_without_end.s:6)
