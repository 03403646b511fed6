# The frame has 512 bytes.
# run: host checked
# memory: 00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff

        .globl  main
main:   *(u64 *)(r10 - 512) = 5
        r0 = *(u64 *)(r10 - 512)
        exit

#= r0 = 0x5
