# The sieve of Eratosthenes.
# run: host checked

        .globl  main
main:   r0 = 0
        r1 = 2
1:      r3 = sieve ll
        r3 += r1
        r4 = *(u8 *)(r3 + 0)
        if r4 != 0 goto 3f
        r0 += 1
        r2 = r1
        r2 += r1
2:      if r2 >= 1000 goto 3f
        r3 = sieve ll
        r3 += r2
        *(u8 *)(r3 + 0) = 1
        r2 += r1
        goto 2b
3:      r1 += 1
        if r1 < 1000 goto 1b
        exit

        .bss
sieve:  .zero   1000

#= r0 = 0xa8
