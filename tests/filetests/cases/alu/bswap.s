# The bytes of 16, 32 and 64 bits swapped; what lies above is cleared.
# args: 0x0123456789abcdef

        .globl  main
main:   r2 = r1
        r3 = r1
        r1 = bswap16 r1
        r2 = bswap32 r2
        r3 = bswap64 r3
        r0 = r1
        r0 ^= r2
        r0 ^= r3
        exit

#= r0 = 0xefcdab8988886745
