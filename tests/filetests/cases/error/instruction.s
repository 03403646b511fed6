# What is no instruction.
# run: host checked !kernel

        .globl  main
main:   mov     r0, 5
        r0 = r11
        r0 += w1
        exit

#= error: instruction.s:5:9: unknown instruction 'mov'; instructions are written as the kernel prints them: `r1 = r2`, `r1 += 5`, `r0 = *(u32 *)(r1 + 8)`, `if r1 > 5 goto label`
#=     5 | main:   mov     r0, 5
#=       |         ^^^
#= instruction.s:6:14: expected a register, r0 to r10 or w0 to w10, found 'r11'
#=     6 |         r0 = r11
#=       |              ^^^
#= instruction.s:7:15: expected a 64-bit register, r0 to r10, found 'w1'
#=     7 |         r0 += w1
#=       |               ^^
