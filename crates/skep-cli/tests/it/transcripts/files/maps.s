# One map of each kind, filled through the variables `key` and `value`.
        .map hash, type=hash, key=4, value=8, max_entries=4
        .map text, type=lru_hash, key=8, value=16, max_entries=4
        .map array, type=array, key=4, value=8, max_entries=1000
        .map each, type=percpu_array, key=4, value=8, max_entries=2
        .map each_hash, type=percpu_hash, key=4, value=8, max_entries=2
        .map queue, type=queue, value=4, max_entries=4
        .map stack, type=stack, value=4, max_entries=4
        .map ring, type=ringbuf, max_entries=4096
        .map trie, type=lpm_trie, key=8, value=4, max_entries=4, flags=1
        .map empty, type=hash, key=4, value=4, max_entries=2

        .globl main
main:   r7 = key ll
        r8 = value ll

        *(u64 *)(r7 + 0) = 1
        *(u64 *)(r8 + 0) = 100
        r1 = hash ll
        call put
        *(u64 *)(r8 + 0) = -1
        r1 = each_hash ll
        call put
        *(u64 *)(r7 + 0) = 999
        r1 = array ll
        call put

        *(u64 *)(r7 + 0) = 0x77
        *(u64 *)(r8 + 0) = 0x6b73
        *(u64 *)(r8 + 8) = 0
        r1 = text ll
        call put

        *(u32 *)(r7 + 0) = 24           # a prefix of 24 bits: 192.168.2.0
        *(u32 *)(r7 + 4) = 0x0002a8c0
        *(u64 *)(r8 + 0) = 5
        r1 = trie ll
        call put

        *(u64 *)(r8 + 0) = 11
        r1 = queue ll
        call push
        r1 = stack ll
        call push
        *(u64 *)(r8 + 0) = 22
        r1 = queue ll
        call push
        r1 = stack ll
        call push

        r1 = ring ll
        r2 = greeting ll
        r3 = 6
        r4 = 0
        call bpf_ringbuf_output
        r0 = 0
        exit

put:    r2 = key ll
        r3 = value ll
        r4 = 0
        call bpf_map_update_elem
        exit

push:   r2 = value ll
        r3 = 0
        call bpf_map_push_elem
        exit

        .rodata
greeting:
        .asciz "hello"
        .bss
        .balign 8
key:    .zero 8
value:  .zero 16
