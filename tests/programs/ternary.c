// Selections: minimum, maximum, absolute value, clamping, sign.
// not: bpf-gcc -mcpu=v1: it zero-extends 32 bits by an `and` with -1
// not: bpf-gcc -mcpu=v2 -O1: it zero-extends 32 bits by an `and` with -1
// not: bpf-gcc -mcpu=v2 -O2: it zero-extends 32 bits by an `and` with -1
#include "test.h"

static noinline s64 clamp(s64 x, s64 lo, s64 hi) { return x < lo ? lo : x > hi ? hi : x; }
static noinline u32 distance(u32 a, u32 b) { return a > b ? a - b : b - a; }
static noinline int sign(s64 x) { return (x > 0) - (x < 0); }

u64 run(u8 *mem, u64 len) {
    const s32 *v = (const s32 *)mem;
    s64 lo = v[0], hi = v[0];
    u64 h = len;
    for (int i = 0; i < 32; i++) {
        s64 x = v[i];
        lo = x < lo ? x : lo;
        hi = x > hi ? x : hi;
        h = mix(h, (u64)clamp(x, -1000000, 1000000000));
        h = mix(h, distance((u32)v[i], (u32)v[31 - i]));
        h = mix(h, (u64)(s64)sign(x));
        h = mix(h, (u64)(x < 0 ? -x : x));
        h = mix(h, x & 1 ? 3 : x & 2 ? 5 : 7);
    }
    return mix(mix(h, (u64)lo), (u64)hi);
}
