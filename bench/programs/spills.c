// More live values than there are registers: sixteen accumulators that feed each other.
// input: random 262144
#include "prog.h"

uint64_t run(uint8_t *mem, uint64_t len) {
    const uint64_t *v = (const uint64_t *)mem;
    uint64_t a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8;
    uint64_t i = 9, j = 10, k = 11, l = 12, m = 13, n = 14, o = 15, p = 16;
    for (uint64_t at = 0; at + 4 <= len / 8; at += 4) {
        uint64_t w = v[at], x = v[at + 1], y = v[at + 2], z = v[at + 3];
        a += w ^ p; b ^= x + a; c += y ^ b; d ^= z + c;
        e += a ^ w; f ^= b + x; g += c ^ y; h ^= d + z;
        i += e * 3; j ^= f >> 5; k += g << 3; l ^= h + a;
        m += i ^ l; n ^= j + k; o += m ^ e; p ^= n + o;
    }
    return a ^ b * 3 ^ c * 5 ^ d * 7 ^ e * 9 ^ f * 11 ^ g * 13 ^ h * 15
         ^ i * 17 ^ j * 19 ^ k * 21 ^ l * 23 ^ m * 25 ^ n * 27 ^ o * 29 ^ p * 31;
}
