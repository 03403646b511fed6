# The helper bpf_loop calls a function back.
# run: host checked !oracle

        .globl  main
main:   *(u64 *)(r10 - 8) = 0
        r1 = 10
        r2 = add ll
        r3 = r10
        r3 += -8
        r4 = 0
        call    bpf_loop
        r1 = *(u64 *)(r10 - 8)
        r0 <<= 32
        r0 += r1
        exit

add:    r3 = *(u64 *)(r2 + 0)
        r3 += r1
        *(u64 *)(r2 + 0) = r3
        r0 = 0
        exit

#= r0 = 0xa0000002d
