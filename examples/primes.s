# The primes below 100, by the sieve of Eratosthenes.
#
# run: skep run examples/primes.s
#
# It shows a table in .bss, constants, numbered labels, and what `--trace` and `--profile` are good for:
#
#     skep run --profile examples/primes.s

LIMIT = 100                     # a constant: wherever an instruction has its name, it has its value

        .text
        .globl  main
main:   r6 = 2                  # the number that is looked at
next:   r7 = composite ll
        r7 += r6                # &composite[r6]
        w1 = *(u8 *)(r7 + 0)
        if r1 != 0 goto skip

        r1 = format ll          # it is a prime
        r2 = r6
        call    printf

        r1 = r6                 # strike out its multiples, from its square on
        r1 *= r6
1:      if r1 >= LIMIT goto skip        # `1f` and `1b` are the next and the last label 1
        r7 = composite ll
        r7 += r1
        *(u8 *)(r7 + 0) = 1
        r1 += r6
        goto    1b

skip:   r6 += 1
        if r6 < LIMIT goto next
        r1 = '\n'
        call    putchar
        r0 = 0
        exit

        .rodata
format: .asciz  "%d "

        .bss                    # begins as zeros
composite:
        .zero   LIMIT           # one byte for each number
