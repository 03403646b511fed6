# A function that nothing defines.
# run: host checked

        .globl  main
main:   call    strlan
        exit

#= [host]
#= error: undefined symbol 'strlan', used at main+0x0 (missing_function.s:5): neither the program, nor the host, nor a library of this process defines it; did you mean 'strlen', 'strcat' or 'strnlen'?
#= [checked]
#= error: undefined symbol 'strlan', used at main+0x0 (missing_function.s:5): a checked program may use registered names only; register it with a signature; did you mean 'strlen'?
