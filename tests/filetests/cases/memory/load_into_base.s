# A load may overwrite its own base.
# memory: 00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff

        .globl  main
main:   r1 = *(u16 *)(r1 + 2)
        r0 = r1
        exit

#= r0 = 0x3322
