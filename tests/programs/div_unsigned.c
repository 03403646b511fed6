// Unsigned division and remainder, 32 and 64 bits, by registers and by constants that are no power of two.
// not: bpf-gcc -mcpu=v1: it zero-extends 32 bits by an `and` with -1
// not: bpf-gcc -mcpu=v2 -O1: it zero-extends 32 bits by an `and` with -1
// not: bpf-gcc -mcpu=v2 -O2: it zero-extends 32 bits by an `and` with -1
#include "test.h"

static noinline u64 all64(u64 a, u64 b) {
    u64 h = mix(a / b, a % b);
    h = mix(h, a / 3);
    h = mix(h, a % 10);
    h = mix(h, a / 1000003);
    h = mix(h, a / 0x80000000ull);
    h = mix(h, a % 0xffffffff00000001ull);
    return h;
}

static noinline u64 all32(u32 a, u32 b) {
    u64 h = mix(a / b, a % b);
    h = mix(h, a / 7);
    h = mix(h, a % 60);
    h = mix(h, a / 0x80000001u);
    h = mix(h, (u8)a / (u8)(b | 1));
    h = mix(h, (u16)a % (u16)(b | 1));
    return h;
}

u64 run(u8 *mem, u64 len) {
    static const u64 edges[] = {1, 2, 3, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 1ull << 63, ~0ull};
    u64 h = len;
    for (int i = 0; i < 9; i++)
        for (int j = 0; j < 9; j++) {
            h = mix(h, all64(edges[i], edges[j]));
            h = mix(h, all32((u32)edges[i], (u32)edges[j] | 1));
        }
    const u64 *v = (const u64 *)mem;
    for (int i = 0; i < 8; i++) h = mix(h, all64(v[i], v[i + 1] >> i * 7 | 1) + all32((u32)v[i], (u32)v[i + 1] | 1));
    return h;
}
