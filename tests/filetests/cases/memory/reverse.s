# Turns the memory around.
# run: host checked
# memory: 00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff

        .globl  main
main:   r2 += r1
again:  if r1 >= r2 goto out
        r2 += -1
        r3 = *(u8 *)(r1 + 0)
        r4 = *(u8 *)(r2 + 0)
        *(u8 *)(r1 + 0) = r4
        *(u8 *)(r2 + 0) = r3
        r1 += 1
        goto again
out:    r0 = 0
        exit

#= r0 = 0x0
#= memory[0] = ff ee dd cc bb aa 99 88 77 66 55 44 33 22 11 00
