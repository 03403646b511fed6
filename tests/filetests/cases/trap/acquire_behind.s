# A load with acquire order behind the context.
# run: checked !kernel
# memory: 01 02 03 04 05 06 07 08

        .globl  main
main:   r0 = load_acquire((u32 *)(r1 + 8))
        exit

#= trap: read of 4 bytes at ADDRESS lies outside the program's memory; the nearest region is the context (ADDRESS..ADDRESS)
#=   at main+0x0 `w0 = load_acquire((u32 *)(r1 + 0x8))` (acquire_behind.s:6)
