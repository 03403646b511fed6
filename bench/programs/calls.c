// Calls of subprograms that are not inlined, with one to five arguments.
// input: random 4096
#include "prog.h"

static noinline uint64_t mix1(uint64_t a) { return (a ^ (a >> 29)) * 0xbf58476d1ce4e5b9ull; }
static noinline uint64_t mix2(uint64_t a, uint64_t b) { return mix1(a + b) ^ (b << 7); }
static noinline uint64_t mix3(uint64_t a, uint64_t b, uint32_t c) { return c & 1 ? a - b : mix2(a, b ^ c); }
static noinline uint64_t clamp(uint64_t x, uint64_t lo, uint64_t hi) { return x < lo ? lo : x > hi ? hi : x; }
static noinline uint64_t mix5(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e) {
    return mix3(a, clamp(b, c, d), (uint32_t)e) + e;
}

uint64_t run(uint8_t *mem, uint64_t len) {
    const uint64_t *v = (const uint64_t *)mem;
    uint64_t n = len / 8, h = 1;
    for (int round = 0; round < 16; round++)
        for (uint64_t i = 0; i + 2 < n; i++) h = mix5(h, v[i], v[i + 1] >> 8, v[i + 2] | ~(~0ull >> 4), i);
    return h;
}
