# Several of them are told at once, each with its calls.
# run: host checked

        .globl  main
main:   call    no_such_function
        call    no_such_function
        call    neither
        exit

#= [host]
#= error: undefined symbol 'no_such_function', used at main+0x0 (missing_twice.s:5), main+0x8 (missing_twice.s:6): neither the program, nor the host, nor a library of this process defines it
#= undefined symbol 'neither', used at main+0x10 (missing_twice.s:7): neither the program, nor the host, nor a library of this process defines it
#= [checked]
#= error: undefined symbol 'no_such_function', used at main+0x0 (missing_twice.s:5), main+0x8 (missing_twice.s:6): a checked program may use registered names only; register it with a signature
#= undefined symbol 'neither', used at main+0x10 (missing_twice.s:7): a checked program may use registered names only; register it with a signature
