# To little-endian on a little-endian host: nothing moves, but what lies above is cleared.
# args: -2

        .globl  main
main:   r2 = r1
        r1 = le16 r1
        r2 = le32 r2
        r0 = r2
        r0 <<= 16
        r0 += r1
        exit

#= r0 = 0xfffffffefffe
