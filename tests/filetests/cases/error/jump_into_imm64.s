# A jump into the second slot of ld_imm64.
# run: host checked !kernel

        .globl  main
main:   if r1 == 0 goto +1
        r0 = 5 ll
        exit

#= error: function 'main' is not valid at main+0x0 (.text+0x0, jump_into_imm64.s:5) in jump_into_imm64.s: slot 0: jump to slot 2, the second slot of ld_imm64; expected the start of an insn
