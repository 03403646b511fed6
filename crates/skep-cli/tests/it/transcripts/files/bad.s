main:   r1 = 5
        r2 = r11
        call bpf_map_lookup_elm
        exit
