# An arithmetic shift of 32 bits fills with bit 31.
# args: 0x7fffffff80000010

        .globl  main
main:   r0 = r1
        w0 s>>= 4
        exit

#= r0 = 0xf8000001
