# A helper gets a key that ends outside of the stack.
# run: checked

        .map    cells, type=array, key=4, value=8, max_entries=1

        .globl  main
main:   r1 = cells ll
        r2 = r10
        r2 += -2
        call    bpf_map_lookup_elem
        r0 = 0
        exit

#= trap: read of 4 bytes at ADDRESS lies outside the program's memory; the nearest region is the stack (ADDRESS..ADDRESS)
#=   at main+0x20 `call bpf_map_lookup_elem` (key_outside.s:10)
