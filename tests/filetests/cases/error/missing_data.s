# A variable that nothing defines.
# run: host checked

        .globl  main
main:   r1 = no_such_variable ll
        r0 = *(u8 *)(r1 + 0)
        exit

#= [host]
#= error: undefined symbol 'no_such_variable', used at main+0x0 (missing_data.s:5): neither the program, nor the host, nor a library of this process defines it
#= [checked]
#= error: undefined symbol 'no_such_variable', used at main+0x0 (missing_data.s:5): a checked program may use registered names only; register it with a signature
