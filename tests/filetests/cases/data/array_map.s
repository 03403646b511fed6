# An array: a value is written by one pointer and read by another.
# run: host checked

        .map    cells, type=array, key=4, value=8, max_entries=4

        .globl  main
main:   *(u32 *)(r10 - 4) = 2
        r1 = cells ll
        r2 = r10
        r2 += -4
        call    bpf_map_lookup_elem
        if r0 == 0 goto 1f
        *(u64 *)(r0 + 0) = 77
        r1 = cells ll
        r2 = r10
        r2 += -4
        call    bpf_map_lookup_elem
        if r0 == 0 goto 1f
        r0 = *(u64 *)(r0 + 0)
        exit
1:      r0 = -1
        exit

#= r0 = 0x4d
