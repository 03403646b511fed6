// Four independent lanes of multiply and xor, as wide hashes have them.
// input: random 65536
#include "prog.h"

uint64_t run(uint8_t *mem, uint64_t len) {
    const uint64_t *v = (const uint64_t *)mem;
    uint64_t a = 1, b = 2, c = 3, d = 4;
    for (uint64_t at = 0; at < len; at += 4) {
        uint64_t i = at & (len / 8 - 1);
        a = (a ^ v[i]) * 0x9e3779b97f4a7c15ull;
        b = (b ^ v[i + 1]) * 0xc2b2ae3d27d4eb4full;
        c = (c ^ v[i + 2]) * 0x165667b19e3779f9ull;
        d = (d ^ v[i + 3]) * 0x85ebca77c2b2ae63ull;
        a += a >> 29;
        b += b >> 31;
        c += c >> 33;
        d += d >> 37;
    }
    return a ^ rotl64(b, 16) ^ rotl64(c, 32) ^ rotl64(d, 48);
}
