# A write behind the values of a map.
# run: checked

        .map    cells, type=array, key=4, value=8, max_entries=1

        .globl  main
main:   *(u32 *)(r10 - 4) = 0
        r1 = cells ll
        r2 = r10
        r2 += -4
        call    bpf_map_lookup_elem
        if r0 == 0 goto 1f
        *(u64 *)(r0 + 8) = 1
1:      r0 = 0
        exit

#= trap: write of 8 bytes at ADDRESS lies outside the program's memory; the nearest region is the values of map 'cells' (ADDRESS..ADDRESS)
#=   at main+0x38 `*(u64 *)(r0 + 0x8) = 0x1` (behind_map_value.s:13)
