# A helper that does not exist.
# run: host checked !kernel

        .globl  main
main:   call    9999
        exit

#= error: function 'main', slot 0: helper #9999 is unknown: the kernel's are 1 to 211, those of skep and of the host are from 10000 on
