# Long jumps, both ways.
# args: 1

        .globl  main
main:   r0 = 0
        if r1 == 0 goto end
        gotol second
first:  r0 += 1
end:    exit
second: r0 += 2
        gotol first

#= r0 = 0x3
