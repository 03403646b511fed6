# What was deleted is not found; deleting it again is an error.
# run: host checked

        .map    counts, type=hash, key=4, value=4, max_entries=4

        .globl  main
main:   *(u32 *)(r10 - 4) = 9
        *(u32 *)(r10 - 8) = 1
        r1 = counts ll
        r2 = r10
        r2 += -4
        r3 = r10
        r3 += -8
        r4 = 0
        call    bpf_map_update_elem
        r6 = r0
        r1 = counts ll
        r2 = r10
        r2 += -4
        call    bpf_map_delete_elem
        r6 += r0
        r1 = counts ll
        r2 = r10
        r2 += -4
        call    bpf_map_lookup_elem
        r6 += r0
        r1 = counts ll
        r2 = r10
        r2 += -4
        call    bpf_map_delete_elem
        r0 += r6
        exit

#= r0 = 0xfffffffffffffffe
