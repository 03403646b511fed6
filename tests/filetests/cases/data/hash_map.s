# A hash: counts bytes by value, and reads one count.
# run: host checked
# memory: 61 62 72 61 63 61 64 61 62 72 61

        .map    counts, type=hash, key=8, value=8, max_entries=16

        .globl  main
main:   r6 = r1
        r7 = r1
        r7 += r2
1:      if r6 >= r7 goto 3f
        w1 = *(u8 *)(r6 + 0)
        *(u64 *)(r10 - 8) = r1
        r1 = counts ll
        r2 = r10
        r2 += -8
        call    bpf_map_lookup_elem
        if r0 != 0 goto 2f
        *(u64 *)(r10 - 16) = 0
        r1 = counts ll
        r2 = r10
        r2 += -8
        r3 = r10
        r3 += -16
        r4 = 0
        call    bpf_map_update_elem
        r1 = counts ll
        r2 = r10
        r2 += -8
        call    bpf_map_lookup_elem
        if r0 == 0 goto 4f
2:      r1 = *(u64 *)(r0 + 0)
        r1 += 1
        *(u64 *)(r0 + 0) = r1
        r6 += 1
        goto 1b
3:      *(u64 *)(r10 - 8) = 0x61
        r1 = counts ll
        r2 = r10
        r2 += -8
        call    bpf_map_lookup_elem
        if r0 == 0 goto 4f
        r0 = *(u64 *)(r0 + 0)
        exit
4:      r0 = -1
        exit

#= r0 = 0x5
