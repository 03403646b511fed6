# Network order of a port.
# args: 0xffff1f90

        .globl  main
main:   r0 = r1
        r0 = be16 r0
        exit

#= r0 = 0x901f
