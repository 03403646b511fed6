// 32-bit arithmetic wraps, and the upper half of the register never shows.
// not: bpf-gcc -mcpu=v1: it zero-extends 32 bits by an `and` with -1
// not: bpf-gcc -mcpu=v2: it zero-extends 32 bits by an `and` with -1
#include "test.h"

static noinline u64 all(u32 a, u32 b) {
    u64 h = 1;
    h = mix(h, a + b);
    h = mix(h, a - b);
    h = mix(h, a * b);
    h = mix(h, a & b);
    h = mix(h, a | b);
    h = mix(h, a ^ b);
    h = mix(h, ~a);
    h = mix(h, -a);
    h = mix(h, a + 0x7fffffffu);
    h = mix(h, b - 0x80000001u);
    h = mix(h, a * 0xdeadbeefu);
    h = mix(h, (u64)a * b);
    h = mix(h, (u64)a + b);
    return h;
}

u64 run(u8 *mem, u64 len) {
    static const u32 edges[] = {0, 1, 2, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff};
    u64 h = len;
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 8; j++) h = mix(h, all(edges[i], edges[j]));
    const u32 *v = (const u32 *)mem;
    for (int i = 0; i < 16; i++) h = mix(h, all(v[i], v[i + 1]));
    return h;
}
