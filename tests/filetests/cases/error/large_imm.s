# Immediates and offsets that do not fit.
# run: host checked !kernel

        .globl  main
main:   r0 = 0x123456789
        r1 = *(u8 *)(r1 + 40000)
        exit

#= error: large_imm.s:5:14: expected a register or a number from -0x80000000 to 0x7fffffff, sign-extended to 64 bits (others: `r1 = N ll`), found '0x123456789'
#=     5 | main:   r0 = 0x123456789
#=       |              ^^^^^^^^^^^
#= large_imm.s:6:25: expected an offset from -32768 to 32767, found '+ 40000'
#=     6 |         r1 = *(u8 *)(r1 + 40000)
#=       |                         ^^^^^^^
