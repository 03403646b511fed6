# Loads with sign extension.
# memory: 00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff

        .globl  main
main:   r0 = *(s8 *)(r1 + 15)
        r3 = *(s16 *)(r1 + 14)
        r0 += r3
        r3 = *(s32 *)(r1 + 12)
        r0 += r3
        exit

#= r0 = 0xffffffffffeeddb9
