// MurmurHash3 x86_32 over keys of 1 to 32 bytes at any alignment.
// input: random 65536
#include "prog.h"

static inline uint32_t murmur3(const uint8_t *p, uint32_t len, uint32_t h) {
    uint32_t k, i;
    for (i = 0; i + 4 <= len; i += 4) {
        k = load32(p + i) * 0xcc9e2d51u;
        h ^= rotl32(k, 15) * 0x1b873593u;
        h = rotl32(h, 13) * 5 + 0xe6546b64u;
    }
    k = 0;
    switch (len & 3) {
    case 3: k ^= (uint32_t)p[i + 2] << 16; // fallthrough
    case 2: k ^= (uint32_t)p[i + 1] << 8;  // fallthrough
    case 1:
        k ^= p[i];
        h ^= rotl32(k * 0xcc9e2d51u, 15) * 0x1b873593u;
    }
    h ^= len;
    h = (h ^ (h >> 16)) * 0x85ebca6bu;
    h = (h ^ (h >> 13)) * 0xc2b2ae35u;
    return h ^ (h >> 16);
}

uint64_t run(uint8_t *mem, uint64_t len) {
    uint32_t h = 0;
    uint64_t sum = 0;
    for (uint64_t at = 0; at + 32 <= len;) {
        uint32_t n = 1 + (h & 31);
        h = murmur3(mem + at, n, h);
        sum += h;
        at += n;
    }
    return sum;
}
