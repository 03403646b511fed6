# Sorts bytes by insertion.
# run: host checked
# memory: 09 04 ff 00 07 07 80 01

        .globl  main
main:   r2 += r1
        r3 = r1
outer:  r3 += 1
        if r3 >= r2 goto out
        w4 = *(u8 *)(r3 + 0)
        r5 = r3
inner:  if r5 == r1 goto place
        w0 = *(u8 *)(r5 - 1)
        if w0 <= w4 goto place
        *(u8 *)(r5 + 0) = w0
        r5 += -1
        goto inner
place:  *(u8 *)(r5 + 0) = w4
        goto outer
out:    r0 = 0
        exit

#= r0 = 0x0
#= memory[0] = 00 01 04 07
#= memory[5] = 09
#= memory[7] = ff
