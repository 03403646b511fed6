# A list: pointers in data that point to data.
# run: host checked

        .globl  main
main:   r0 = 0
        r1 = head ll
        r1 = *(u64 *)(r1 + 0)
1:      if r1 == 0 goto 2f
        r2 = *(u64 *)(r1 + 8)
        r0 *= 10
        r0 += r2
        r1 = *(u64 *)(r1 + 0)
        goto 1b
2:      exit

        .data
        .align  8
head:   .quad   first
third:  .quad   0, 3
first:  .quad   second, 1
second: .quad   third, 2

#= r0 = 0x7b
