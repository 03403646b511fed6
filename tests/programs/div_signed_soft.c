// Signed division as programs for older levels write it: on magnitudes, with the sign put back.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

static noinline s64 divide(s64 a, s64 b) {
    u64 x = a < 0 ? -(u64)a : (u64)a, y = b < 0 ? -(u64)b : (u64)b;
    u64 q = x / y;
    return (s64)((a < 0) != (b < 0) ? -q : q);
}

static noinline s64 modulo(s64 a, s64 b) { return (s64)((u64)a - (u64)divide(a, b) * (u64)b); }

u64 run(u8 *mem, u64 len) {
    const s64 *v = (const s64 *)mem;
    u64 h = len;
    for (int i = 0; i < 16; i++) {
        s64 b = v[i + 1] >> (i * 4 & 63);
        if (!b) b = -7;
        h = mix(h, (u64)divide(v[i], b));
        h = mix(h, (u64)modulo(v[i], b));
        h = mix(h, (u64)modulo(-13, 3) + (u64)divide(-13, -3));
        h = mix(h, (u64)(v[i] >> 3)); // floor, unlike / 8
    }
    return h;
}
