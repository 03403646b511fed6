// The upper half of a 64 x 64 product out of four 32-bit ones.
// not: clang -O2: it sees through this and calls __multi3
// not: bpf-gcc -mcpu=v1 -O0: it zero-extends 32 bits by an `and` with -1
// not: bpf-gcc -mcpu=v2 -O0: it zero-extends 32 bits by an `and` with -1
#include "test.h"

static noinline u64 high(u64 a, u64 b) {
    u64 al = (u32)a, ah = a >> 32, bl = (u32)b, bh = b >> 32;
    u64 ll = al * bl, lh = al * bh, hl = ah * bl, hh = ah * bh;
    u64 mid = (ll >> 32) + (u32)lh + (u32)hl;
    return hh + (lh >> 32) + (hl >> 32) + (mid >> 32);
}

u64 run(u8 *mem, u64 len) {
    const u64 *v = (const u64 *)mem;
    u64 h = mix(len, high(~0ull, ~0ull)) + high(1ull << 63, 2);
    for (int i = 0; i < 16; i++) h = mix(h, high(v[i], v[i + 1] | h));
    return h;
}
