# A computed jump to what no jump table lists.
# run: host checked !kernel

        .globl  main
main:   r1 = 8
        gotox   r1
        r0 = 0
        exit

#= trap: jump to 0x8, which no jump table of the function lists
#=   at main+0x8 `gotox r1` (gotox.s:6)
