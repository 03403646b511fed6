// Loads and stores of every width and sign.
// not: bpf-gcc -mcpu=v1: it zero-extends 32 bits by an `and` with -1
// not: bpf-gcc -mcpu=v2: it zero-extends 32 bits by an `and` with -1
#include "test.h"

u64 run(u8 *mem, u64 len) {
    u64 h = len;
    volatile u8 *b = mem;
    volatile u16 *w = (volatile u16 *)(mem + 8);
    volatile u32 *d = (volatile u32 *)(mem + 16);
    volatile u64 *q = (volatile u64 *)(mem + 24);
    for (int i = 0; i < 4; i++) {
        h = mix(h, b[i]);
        h = mix(h, (u64)(s64)(s8)b[i]);
        b[i] = (u8)h;
    }
    h = mix(h, w[0]);
    h = mix(h, (u64)(s64)(s16)w[1]);
    w[2] = (u16)h;
    h = mix(h, d[0]);
    h = mix(h, (u64)(s64)(s32)d[1]);
    d[0] = (u32)h;
    d[1] = (u32)-2;
    h = mix(h, q[0]);
    q[0] = h;
    q[1] = ~0ull;
    h = mix(h, b[24] + w[9] + d[5]);
    return h;
}
