// Unions: the same bytes as different types.
// not: bpf-gcc -mcpu=v1: it zero-extends 32 bits by an `and` with -1
// not: bpf-gcc -mcpu=v2 -O1: it zero-extends 32 bits by an `and` with -1
// not: bpf-gcc -mcpu=v2 -O2: it zero-extends 32 bits by an `and` with -1
#include "test.h"

union word {
    u64 q;
    u32 d[2];
    u16 w[4];
    u8 b[8];
    struct { s8 lo; s8 pad; s16 mid; s32 hi; } s;
};

static noinline u64 twist(union word u) {
    u.b[0] ^= u.b[7];
    u.w[1] += u.w[2];
    u.d[1] *= 3;
    u.s.hi -= u.s.mid;
    u.s.lo = (s8)-u.s.lo;
    return u.q;
}

u64 run(u8 *mem, u64 len) {
    union word *p = (union word *)mem, local;
    u64 h = len;
    for (int i = 0; i < 16; i++) {
        local.q = p[i].q;
        local.b[i & 7] = (u8)i;
        h = mix(h, twist(local));
        h = mix(h, (u64)(s64)local.s.lo + (u64)(s64)local.s.mid);
        p[i].d[0] = (u32)h;
    }
    return h;
}
