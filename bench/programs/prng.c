// Three generators side by side (xorshift64*, PCG32, SplitMix64); the results are shuffled into the buffer.
// input: random 4096
#include "prog.h"

uint64_t run(uint8_t *mem, uint64_t len) {
    uint64_t *v = (uint64_t *)mem;
    uint64_t n = len / 8, x = v[0] | 1, p = v[1], s = v[2], h = 0;
    for (uint32_t i = 0; i < 12000; i++) {
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        uint64_t a = x * 0x2545f4914f6cdd1dull;
        uint32_t shifted = (uint32_t)(((p >> 18) ^ p) >> 27), turn = (uint32_t)(p >> 59);
        uint32_t b = (shifted >> turn) | (shifted << (-turn & 31));
        p = p * 6364136223846793005ull + 1442695040888963407ull;
        uint64_t c = (s += 0x9e3779b97f4a7c15ull);
        c = (c ^ (c >> 30)) * 0xbf58476d1ce4e5b9ull;
        c = (c ^ (c >> 27)) * 0x94d049bb133111ebull;
        c ^= c >> 31;
        v[b & (n - 1)] ^= a + c;
        h += v[c & (n - 1)];
    }
    return h;
}
