# An address that wraps around.
# run: checked !kernel

        .globl  main
main:   r1 = -4
        r0 = *(u64 *)(r1 + 0)
        exit

#= trap: read of 8 bytes at ADDRESS lies outside the program's memory; the nearest region is the stack (ADDRESS..ADDRESS)
#=   at main+0x8 `r0 = *(u64 *)(r1 + 0x0)` (wraps.s:6)
