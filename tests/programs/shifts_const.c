// Shifts by constants: logical, arithmetic, 32 and 64 bits, by 0, 1, 31, 32, 33 and 63.
// not: bpf-gcc -mcpu=v1: it zero-extends 32 bits by an `and` with -1
// not: bpf-gcc -mcpu=v2: it zero-extends 32 bits by an `and` with -1
#include "test.h"

static noinline u64 all(u64 x) {
    u32 w = (u32)x;
    s32 s = (s32)x;
    s64 q = (s64)x;
    u64 h = 7;
    h = mix(h, x << 0);
    h = mix(h, x << 1);
    h = mix(h, x << 31);
    h = mix(h, x << 32);
    h = mix(h, x << 63);
    h = mix(h, x >> 1);
    h = mix(h, x >> 32);
    h = mix(h, x >> 33);
    h = mix(h, x >> 63);
    h = mix(h, (u64)(q >> 1));
    h = mix(h, (u64)(q >> 32));
    h = mix(h, (u64)(q >> 63));
    h = mix(h, w << 1);
    h = mix(h, w << 31);
    h = mix(h, w >> 1);
    h = mix(h, w >> 31);
    h = mix(h, (u64)(s64)(s >> 1));
    h = mix(h, (u64)(s64)(s >> 31));
    h = mix(h, (u32)(s >> 4));
    h = mix(h, (u64)w << 40);
    h = mix(h, x << 13 | x >> 51);
    h = mix(h, w << 7 | w >> 25);
    return h;
}

u64 run(u8 *mem, u64 len) {
    const u64 *v = (const u64 *)mem;
    u64 h = mix(len, all(0)) + all(~0ull) + all(1ull << 63) + all(0x80000000) + all(0x7fffffff);
    for (int i = 0; i < 16; i++) h = mix(h, all(v[i]));
    return h;
}
