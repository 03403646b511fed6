// Computed goto: labels as values, in a table.
// uses: gotox
// cpu: v4: gotox came with it
// not: bpf-gcc: no indirect jumps
#include "test.h"

u64 run(u8 *mem, u64 len) {
    static const void *const labels[] = {&&add, &&twist, &&skip, &&done};
    u64 h = len, at = 0, turns = 0;
    goto *labels[mem[0] & 1];
add:
    h += mem[at % len];
    at++;
    goto *labels[turns++ < 200 ? mem[at % len] & 3 : 3];
twist:
    h = h * 31 ^ at;
    at += 3;
    goto *labels[turns++ < 200 ? (mem[at % len] >> 2) & 3 : 3];
skip:
    at += 5;
    h ^= turns;
    goto *labels[turns++ < 200 ? (mem[at % len] >> 4) & 1 : 3];
done:
    return mix(h, at);
}
