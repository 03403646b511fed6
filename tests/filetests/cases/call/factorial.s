# Recursion.
# run: host checked
# args: 20

        .globl  main
main:   call    factorial
        exit

factorial:
        r0 = 1
        if r1 == 0 goto out
        r6 = r1
        r1 += -1
        call    factorial
        r0 *= r6
out:    exit

#= r0 = 0x21c3677c82b40000
