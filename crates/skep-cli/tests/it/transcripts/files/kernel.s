        .section xdp
        .globl filter
filter: r0 = 2
        exit
