// Counting bits three ways: Kernighan's loop, the parallel sum, leading and trailing zeros by halving.
// input: random 16384
#include "prog.h"

static inline uint32_t leading(uint64_t x) {
    uint32_t n = 0;
    if (!(x >> 32)) n += 32, x <<= 32;
    if (!(x >> 48)) n += 16, x <<= 16;
    if (!(x >> 56)) n += 8, x <<= 8;
    if (!(x >> 60)) n += 4, x <<= 4;
    while (n < 64 && !(x >> 63)) n++, x <<= 1;
    return n;
}

uint64_t run(uint8_t *mem, uint64_t len) {
    const uint64_t *v = (const uint64_t *)mem;
    uint64_t h = 0;
    for (uint64_t i = 0; i < len / 8; i++) {
        uint64_t x = v[i], loop = 0, sum = x;
        // A barrier, so that the loop stays one; the compiler knows this idiom.
        for (uint64_t y = x; y; y &= y - 1) {
            loop++;
            __asm__ volatile("" : "+r"(y));
        }
        sum = sum - ((sum >> 1) & 0x5555555555555555ull);
        sum = (sum & 0x3333333333333333ull) + ((sum >> 2) & 0x3333333333333333ull);
        sum = (((sum + (sum >> 4)) & 0x0f0f0f0f0f0f0f0full) * 0x0101010101010101ull) >> 56;
        h = h * 31 + loop + (sum << 8) + ((uint64_t)leading(x >> (loop & 31)) << 16);
    }
    return h;
}
