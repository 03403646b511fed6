# Adds the bytes of a memory.
        .globl sum
sum:    r0 = 0
next:   if r2 == 0 goto done
        r3 = *(u8 *)(r1 + 0)
        r0 += r3
        r1 += 1
        r2 += -1
        goto next
done:   exit
