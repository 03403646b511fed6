# A text with everything that the assembler knows, for mutations.
        .file   "everything.s"
        .file   1 "/src" "a.c"
        .license "GPL"
        .map    counts, type=hash, key=4, value=8, max_entries=1024, flags=0
        .map    events, type=ringbuf, max_entries=4096
        .set    SIZE, 16
        SLOT = -8
        .text
        .globl  main
        .p2align 3
        .type   main,@function
main:   r6 = r1
        r1 = counts ll
        *(u32 *)(r10 + SLOT) = 5
        r2 = r10
        r2 += -SIZE
        call    bpf_map_lookup_elem
        if r0 == 0 goto 1f
        r1 = *(u64 *)(r0 + 0)
        lock *(u64 *)(r0 + 0) += r1
1:      w2 = *(u8 *)(r6 + 3)
        if w2 s> 'a' goto 1b
        r3 = table + 8 ll
        r4 = 0x123456789abcdef ll
        call    helper
        call    printf
        gotol   .Lend
        .loc    1 5 3 prologue_end
        r0 = be16 r0
.Lend:  exit
        .size   main, .-main
helper: r0 = names ll
        r0 = *(u64 *)(r0 + 8)
        exit
        .section "xdp/two", "ax", @progbits
        .globl  two
two:    r1 = helper ll; callx r1; exit
        .quad   0x95
        .weak   alias
        .set    alias, two
        .section .rodata.str1.1,"aMS",@progbits,1
.Lone:  .asciz  "one # ; /* \"\\\n\001\x41"
.Ltwo:  .ascii  "two", "three"
        .data
        .globl  names
        .balign 8
names:  .quad   .Lone, .Ltwo + 1, outside, main
        .type   names,@object
        .size   names, 32
table:  .byte   1, -1, 'a', (1 + 2) * 3 << 1, . - table
        .p2align 2, 0x5a, 3
        .short  1, later
        .long   end - table, 0b101, 017
        .uleb128 624485
        .sleb128 -5
        .fill   3, 2, 0x102
        .org    96
end:
        later = 10 / 3 % 2
        .bss
        .globl  zeros
zeros:  .zero   100
        .local  some
        .comm   some, 40, 8
        .lcomm  more, 4, 4
        .pushsection .rodata
        .space  4, 7
        .popsection
        .skip   3
        .hidden zeros
        .extern outside
        .ident  "x"
        .addrsig
        .section .debug_info,"",@progbits
        .long   .Lsomewhere-.Lelse
