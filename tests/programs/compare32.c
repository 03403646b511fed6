// Comparisons of 32-bit and narrower values; what is above them in the register must not count.
// not: bpf-gcc -mcpu=v1: it zero-extends 32 bits by an `and` with -1
// not: bpf-gcc -mcpu=v2 -O1: it zero-extends 32 bits by an `and` with -1
// not: bpf-gcc -mcpu=v2 -O2: it zero-extends 32 bits by an `and` with -1
#include "test.h"

static noinline u64 words(u32 a, u32 b, s32 c, s32 d) {
    u64 r = 0;
    if (a == b) r |= 1;
    if (a != b) r |= 2;
    if (a < b) r |= 4;
    if (a >= b) r |= 8;
    if (a > 0x80000000u) r |= 16;
    if (a & b) r |= 32;
    if (c < d) r |= 64;
    if (c <= d) r |= 128;
    if (c > d) r |= 256;
    if (c >= d) r |= 512;
    if (c < -5) r |= 1024;
    if (c > 0x7ffffffe) r |= 2048;
    if (a & 0x80000000u) r |= 4096;
    return r;
}

static noinline u64 narrow(u64 x, u64 y) {
    u64 r = 0;
    if ((u8)x < (u8)y) r |= 1;
    if ((s8)x < (s8)y) r |= 2;
    if ((u16)x == (u16)y) r |= 4;
    if ((s16)x > (s16)y) r |= 8;
    if ((u8)x == 0xff) r |= 16;
    if ((s8)x == -1) r |= 32;
    return r;
}

u64 run(u8 *mem, u64 len) {
    const u64 *v = (const u64 *)mem;
    u64 h = len;
    for (int i = 0; i < 24; i++) {
        u64 x = v[i % 16], y = v[(i + 1) % 16] ^ (u64)i << 60;
        h = mix(h, words((u32)x, (u32)y, (s32)x, (s32)y));
        // Equal low halves under different high halves.
        h = mix(h, words((u32)x, (u32)(x ^ 1ull << 40), (s32)x, (s32)(x | 1ull << 63)));
        h = mix(h, narrow(x, y) + narrow(x, x ^ 0x10000));
    }
    return h;
}
