# A helper that user space has no meaning for.
# run: host checked !kernel

        .globl  main
main:   call    bpf_get_stack
        exit

#= error: function 'main', slot 0: helper bpf_get_stack (#67) needs the kernel; user space has those for maps, memory, strings, time and control flow
