        .globl one, two
one:    exit
two:    exit
