// Greatest common divisors by Euclid: 64-bit and 32-bit remainders.
// input: random 8192
#include "prog.h"

uint64_t run(uint8_t *mem, uint64_t len) {
    const uint32_t *v = (const uint32_t *)mem;
    uint64_t h = 0;
    for (uint64_t i = 0; i + 3 < len / 4; i += 4) {
        uint32_t a = v[i], b = v[i + 1] | 1;
        while (b) {
            uint32_t t = a % b;
            a = b;
            b = t;
        }
        uint64_t c = (uint64_t)v[i + 2] << 20 | v[i + 3], d = (uint64_t)v[i] << 12 | 1;
        while (d) {
            uint64_t t = c % d;
            c = d;
            d = t;
        }
        h = h * 31 + a + c;
    }
    return h;
}
