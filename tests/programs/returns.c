// Results of every width and sign; callers extend them, or get them extended.
// not: bpf-gcc -mcpu=v1: it zero-extends 32 bits by an `and` with -1
// not: bpf-gcc -mcpu=v2: it zero-extends 32 bits by an `and` with -1
#include "test.h"

static noinline u8 r8(u64 x) { return (u8)x; }
static noinline s8 rs8(u64 x) { return (s8)x; }
static noinline u16 r16(u64 x) { return (u16)x; }
static noinline s16 rs16(u64 x) { return (s16)x; }
static noinline u32 r32(u64 x) { return (u32)x; }
static noinline s32 rs32(u64 x) { return (s32)x; }
static noinline _Bool rb(u64 x) { return x > 1ull << 40; }
static noinline void none(u64 *x) { *x += 9; }
static noinline u8 *pointer(u8 *p, u64 n) { return p + n; }

u64 run(u8 *mem, u64 len) {
    u64 h = len;
    for (int i = 0; i < 16; i++) {
        u64 x = ((u64 *)mem)[i];
        h = mix(h, r8(x) + (u64)(s64)rs8(x));
        h = mix(h, r16(x) + (u64)(s64)rs16(x));
        h = mix(h, r32(x) + (u64)(s64)rs32(x));
        h = mix(h, (u64)rb(x) + *pointer(mem, x & 127));
        none(&h);
    }
    return h;
}
