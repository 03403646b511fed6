# A kernel function by number.
# run: host checked !kernel

        .globl  main
main:   call    kfunc(0x5)
        exit

#= error: function 'main', slot 0: call of kernel function with BTF id 5, which user space does not have
