// Functions passed as arguments, kept in memory, returned.
// uses: callx
// mem-differs: a function's address is stored there
// not: bpf-gcc: no indirect calls
#include "test.h"

typedef u64 (*visit)(u64 acc, u8 byte);

static noinline u64 each(const u8 *p, u64 n, u64 acc, visit f) {
    for (u64 i = 0; i < n; i++) acc = f(acc, p[i]);
    return acc;
}

static noinline u64 sum(u64 acc, u8 byte) { return acc + byte; }
static noinline u64 roll(u64 acc, u8 byte) { return (acc << 5 | acc >> 59) ^ byte; }
u64 count_odd(u64 acc, u8 byte) { return acc + (byte & 1); }

static noinline visit choose(u8 kind) {
    if (kind == 0) return sum;
    if (kind == 1) return roll;
    return count_odd;
}

u64 run(u8 *mem, u64 len) {
    u64 h = 0;
    for (u8 kind = 0; kind < 3; kind++) h = mix(h, each(mem, len, kind, choose(kind)));
    visit *slot = (visit *)mem;
    *slot = choose(mem[9] & 1);
    return mix(h, (*slot)(h, 200));
}
