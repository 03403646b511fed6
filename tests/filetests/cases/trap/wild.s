# A number is no pointer.
# run: checked !kernel

        .globl  main
main:   r1 = 0x1000
        *(u8 *)(r1 + 0) = 1
        r0 = 0
        exit

#= trap: write of 1 bytes at 0x1000 lies outside the program's memory; the nearest region is the stack (ADDRESS..ADDRESS)
#=   at main+0x8 `*(u8 *)(r1 + 0x0) = 0x1` (wild.s:6)
