# Euclid's algorithm.
# run: host checked
# args: 1071 462

        .globl  main
main:   again: if r2 == 0 goto out
        r3 = r1
        r3 %= r2
        r1 = r2
        r2 = r3
        goto again
out:    r0 = r1
        exit

#= r0 = 0x15
