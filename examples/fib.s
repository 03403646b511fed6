# Fibonacci numbers by recursion.
#
# run: skep run --arg 20 examples/fib.s
#
# Registers in a call: r1 to r5 and r0 may be changed by whoever is called, r6 to r9 keep their values. So what is still
# needed after a call stands in r6 to r9. Each call has its own stack frame, which r10 points to the end of.

        .text
        .globl  main
main:   r6 = r1                 # n, given by --arg
        call    fib             # fib(n): r1 still holds n
        r7 = r0
        r1 = format ll
        r2 = r6
        r3 = r7
        call    printf          # printf(format, n, fib(n))
        r0 = r7
        exit

# r0 = fib(r1): n if n < 2, else fib(n - 1) + fib(n - 2)
fib:    r0 = r1
        if r1 < 2 goto done
        r6 = r1
        r1 += -1
        call    fib
        r7 = r0                 # fib(n - 1)
        r1 = r6
        r1 += -2
        call    fib
        r0 += r7
done:   exit

        .rodata
format: .asciz  "fib(%lu) = %lu\n"
