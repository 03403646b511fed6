# A variable lives as long as its unit, not as its call.
# run: host checked
# calls: 3

        .globl  main
main:   r1 = count ll
        r2 = 1
        lock *(u64 *)(r1 + 0) += r2
        r0 = *(u64 *)(r1 + 0)
        exit

        .bss
        .align  8
count:  .zero   8

#= r0 = 0x3
