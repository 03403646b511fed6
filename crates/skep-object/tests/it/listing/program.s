# What a listing shows of a program with some of everything.
        .license "GPL"
        .map counts, type=hash, key=4, value=8, max_entries=64, flags=1
        .map events, type=ringbuf, max_entries=4096, pinning=by_name

        .section xdp
        .globl entry
entry:  r6 = r1
        *(u32 *)(r10 - 4) = 7
        r1 = counts ll
        r2 = r10
        r2 += -4
        call bpf_map_lookup_elem
        if r0 == 0 goto missing
        lock *(u64 *)(r0 + 0) += r6
missing:
        r1 = greeting ll
        r2 = later + 8 ll
        r3 = .rodata ll
        r4 = 0x123456789abcdef0 ll
        call puts
        call twice
        call bpf_kfunc
        call 999
        gotol missing
        exit

        .text
        .type twice,@function
twice:  r0 = r1
        r0 += r1
        exit
        .globl shown
        .weak also
shown:
also:   w0 = -1
        if w0 s< 5 goto shown
        exit

        .extern bpf_kfunc
        .weak maybe

        .rodata
greeting:
        .asciz "hello, \"world\"\n"
        .asciz "hi"
        .byte 1, 2, 3, 4, 5, 0xff, 'x', 0, 'l', 'o', 'n', 'g', 'e', 'r', 0
        .zero 40

        .data
        .balign 16
        .globl table
table:  .quad greeting, greeting + 16, table, maybe, twice
        .long 17
        .size table, 40
later:  .quad 1, 2

        .bss
        .globl room
        .hidden room
room:   .zero 4096
