// SipHash-2-4 of the whole input and of its 64-byte records.
// input: random 32768
#include "prog.h"

#define SIPROUND                                                                  \
    do {                                                                          \
        a += b; b = rotl64(b, 13); b ^= a; a = rotl64(a, 32);                     \
        c += d; d = rotl64(d, 16); d ^= c;                                        \
        a += d; d = rotl64(d, 21); d ^= a;                                        \
        c += b; b = rotl64(b, 17); b ^= c; c = rotl64(c, 32);                     \
    } while (0)

static inline uint64_t siphash(const uint64_t *p, uint64_t words, uint64_t k0, uint64_t k1) {
    uint64_t a = k0 ^ 0x736f6d6570736575ull, b = k1 ^ 0x646f72616e646f6dull;
    uint64_t c = k0 ^ 0x6c7967656e657261ull, d = k1 ^ 0x7465646279746573ull;
    for (uint64_t i = 0; i < words; i++) {
        d ^= p[i];
        SIPROUND;
        SIPROUND;
        a ^= p[i];
    }
    uint64_t last = words << 59;
    d ^= last;
    SIPROUND;
    SIPROUND;
    a ^= last;
    c ^= 0xff;
    SIPROUND;
    SIPROUND;
    SIPROUND;
    SIPROUND;
    return a ^ b ^ c ^ d;
}

uint64_t run(uint8_t *mem, uint64_t len) {
    const uint64_t *p = (const uint64_t *)mem;
    uint64_t words = len / 8;
    uint64_t h = siphash(p, words, 1, 2);
    for (uint64_t at = 0; at + 8 <= words; at += 8) h += siphash(p + at, 8, h, at);
    return h;
}
