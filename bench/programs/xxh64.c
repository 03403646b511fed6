// XXH64-like hash of many short records, as flow tables and caches do it; aligned loads.
// input: random 131072
#include "prog.h"

#define P1 0x9e3779b185ebca87ull
#define P2 0xc2b2ae3d27d4eb4full
#define P3 0x165667b19e3779f9ull
#define P4 0x85ebca77c2b2ae63ull
#define P5 0x27d4eb2f165667c5ull

static inline uint64_t round64(uint64_t acc, uint64_t v) { return rotl64(acc + v * P2, 31) * P1; }
static inline uint64_t merge64(uint64_t h, uint64_t v) { return (h ^ round64(0, v)) * P1 + P4; }

static inline uint64_t xxh(const uint64_t *p, uint64_t words, uint64_t seed) {
    uint64_t left = words, h;
    if (words >= 4) {
        uint64_t a = seed + P1 + P2, b = seed + P2, c = seed, d = seed - P1;
        for (; left >= 4; left -= 4, p += 4) {
            a = round64(a, p[0]);
            b = round64(b, p[1]);
            c = round64(c, p[2]);
            d = round64(d, p[3]);
        }
        h = rotl64(a, 1) + rotl64(b, 7) + rotl64(c, 12) + rotl64(d, 18);
        h = merge64(merge64(merge64(merge64(h, a), b), c), d);
    } else {
        h = seed + P5;
    }
    h += words * 8;
    for (; left; left--) h = rotl64(h ^ round64(0, *p++), 27) * P1 + P4;
    h = (h ^ (h >> 33)) * P2;
    h = (h ^ (h >> 29)) * P3;
    return h ^ (h >> 32);
}

uint64_t run(uint8_t *mem, uint64_t len) {
    const uint64_t *p = (const uint64_t *)mem;
    uint64_t words = len / 8, at = 0, h = 0;
    while (at + 16 <= words) {
        uint64_t n = 1 + (h & 15);
        h = xxh(p + at, n, h);
        at += n;
    }
    return h;
}
