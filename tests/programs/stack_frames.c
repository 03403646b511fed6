// Each call has a frame of its own: what a callee writes does not touch its caller's arrays.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

static noinline u64 leaf(u64 x) {
    volatile u64 local[12];
    for (int i = 0; i < 12; i++) local[i] = x * (u64)(i + 1);
    return local[3] ^ local[11];
}

static noinline u64 middle(u64 x) {
    volatile u64 local[8];
    for (int i = 0; i < 8; i++) local[i] = leaf(x + (u64)i);
    u64 s = 0;
    for (int i = 0; i < 8; i++) s = mix(s, local[i]);
    return s;
}

u64 run(u8 *mem, u64 len) {
    volatile u64 local[10];
    for (int i = 0; i < 10; i++) local[i] = mem[i] + len;
    u64 h = 0;
    for (int i = 0; i < 10; i++) h = mix(h, middle(local[i]));
    for (int i = 0; i < 10; i++) h = mix(h, local[i]);
    return h;
}
