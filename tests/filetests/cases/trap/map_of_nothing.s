# A helper gets a number where it needs a map.
# run: host checked !kernel

        .globl  main
main:   r1 = 5
        r2 = r10
        r2 += -4
        call    bpf_map_lookup_elem
        r0 = 0
        exit

#= trap: map: 0x5 is no map of this program
#=   at main+0x18 `call bpf_map_lookup_elem` (map_of_nothing.s:8)
