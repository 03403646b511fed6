# In 32 bits the upper half of r0 does not count, and is cleared even on success.
# memory: 10 00 00 00 01 00 00 80 ff ff ff ff ff ff ff ff

        .globl  main
main:   r0 = 0x7700000010 ll
        r3 = 77
        w0 = cmpxchg32_32(r1 + 0, w0, w3)
        exit

#= r0 = 0x10
#= memory[0] = 4d
