# A queue gives back in order.
# run: host checked

        .map    line, type=queue, key=0, value=4, max_entries=4

        .globl  main
main:   *(u32 *)(r10 - 4) = 5
        r1 = line ll
        r2 = r10
        r2 += -4
        r3 = 0
        call    bpf_map_push_elem
        *(u32 *)(r10 - 4) = 6
        r1 = line ll
        r2 = r10
        r2 += -4
        r3 = 0
        call    bpf_map_push_elem
        r1 = line ll
        r2 = r10
        r2 += -4
        call    bpf_map_pop_elem
        r0 = *(u32 *)(r10 - 4)
        exit

#= r0 = 0x5
