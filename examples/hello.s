# The smallest program that says something.
#
# run: skep run examples/hello.s
#
# A program may call any function of the C library by its name. Arguments go in r1 to r5, the result comes back in r0.

        .text
        .globl  main
main:   r1 = greeting ll        # `ll` loads the 64-bit address of a symbol
        call    puts
        r0 = 0                  # what main returns
        exit

        .rodata
greeting:
        .asciz  "Hello from BPF!"
