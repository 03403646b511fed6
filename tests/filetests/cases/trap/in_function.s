# A trap deep inside says who called.
# run: checked !kernel

        .globl  main
main:   r0 = 0
        call    outer
        exit
outer:  r1 = 64
        call    inner
        exit
inner:  r0 = *(u16 *)(r1 + 2)
        exit

#= trap: read of 2 bytes at 0x42 lies outside the program's memory; the nearest region is the stack (ADDRESS..ADDRESS)
#=   at inner+0x0 `w0 = *(u16 *)(r1 + 0x2)` (in_function.s:11)
#=   called at outer+0x8 `call inner` (in_function.s:9)
#=   called at main+0x8 `call outer` (in_function.s:6)
