// Calls with one to five arguments, of different widths, in every order.
// not: bpf-gcc -mcpu=v1: it zero-extends 32 bits by an `and` with -1
// not: bpf-gcc -mcpu=v2 -O1: it zero-extends 32 bits by an `and` with -1
// not: bpf-gcc -mcpu=v2 -O2: it zero-extends 32 bits by an `and` with -1
#include "test.h"

static noinline u64 one(u8 a) { return a * 3u; }
static noinline u64 two(s8 a, u64 b) { return (u64)(s64)a + b; }
static noinline u64 three(u64 a, s16 b, u32 c) { return a * 2 + (u64)(s64)b * 3 + c; }
static noinline u64 four(u32 a, u64 b, s32 c, u8 d) { return a + b * 2 + (u64)(s64)c * 3 + d * 4u; }
static noinline u64 five(u64 a, u64 b, u64 c, u64 d, u64 e) { return a + b * 2 + c * 3 + d * 5 + e * 7; }
static noinline u64 swap(u64 a, u64 b, u64 c, u64 d, u64 e) { return five(e, d, c, b, a) - five(b, c, d, e, a); }
static noinline u64 narrow(s8 a, u8 b, s16 c, u16 d, s32 e) { return (u64)(s64)(a + b + c + d) + (u64)(s64)e; }

u64 run(u8 *mem, u64 len) {
    u64 h = len;
    for (int i = 0; i < 32; i++) {
        u64 m = mem[i] * 0x0101010101010101ull;
        h = mix(h, one((u8)m) + two((s8)m, h));
        h = mix(h, three(h, (s16)m, (u32)m) + four((u32)m, h, (s32)m, (u8)m));
        h = mix(h, five(m, h, len, (u64)i, 1) + swap(1, 2, 3, m, h));
        h = mix(h, narrow((s8)m, (u8)m, (s16)m, (u16)m, (s32)m));
    }
    return h;
}
