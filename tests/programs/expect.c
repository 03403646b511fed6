// Hints: expected branches, cold, pure and constant functions.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

static __attribute__((cold, __noinline__)) u64 rare(u64 x) { return x * 1000003; }
static __attribute__((pure, __noinline__)) u64 pure(const u8 *p) { return p[0] + p[1] * 3u; }
static __attribute__((const, __noinline__)) u64 constant(u64 x) { return x / 3; }

u64 run(u8 *mem, u64 len) {
    u64 h = len;
    for (int i = 0; i < 64; i++) {
        if (__builtin_expect(mem[i] == 0x42, 0)) h = rare(h);
        if (__builtin_expect(mem[i] < 250, 1)) h = mix(h, pure(mem + i));
        h = mix(h, constant(h) + mem[i]);
    }
    return h;
}
