// SHA-256 over the buffer: rotates, 32-bit arithmetic, a table of constants, byte swaps.
// input: random 8192
#include "prog.h"

static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

uint64_t run(uint8_t *mem, uint64_t len) {
    const uint32_t *p = (const uint32_t *)mem;
    uint32_t h0 = 0x6a09e667, h1 = 0xbb67ae85, h2 = 0x3c6ef372, h3 = 0xa54ff53a;
    uint32_t h4 = 0x510e527f, h5 = 0x9b05688c, h6 = 0x1f83d9ab, h7 = 0x5be0cd19;
    for (uint64_t at = 0; at + 16 <= len / 4; at += 16) {
        uint32_t w[16];
        uint32_t a = h0, b = h1, c = h2, d = h3, e = h4, f = h5, g = h6, h = h7;
        for (unsigned i = 0; i < 64; i++) {
            uint32_t x;
            if (i < 16) {
                x = __builtin_bswap32(p[at + i]);
            } else {
                uint32_t u = w[(i + 1) & 15], v = w[(i + 14) & 15];
                x = w[i & 15] + w[(i + 9) & 15] + (rotr32(u, 7) ^ rotr32(u, 18) ^ (u >> 3)) +
                    (rotr32(v, 17) ^ rotr32(v, 19) ^ (v >> 10));
            }
            w[i & 15] = x;
            uint32_t t = h + (rotr32(e, 6) ^ rotr32(e, 11) ^ rotr32(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + x;
            uint32_t s = (rotr32(a, 2) ^ rotr32(a, 13) ^ rotr32(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
            h = g, g = f, f = e, e = d + t, d = c, c = b, b = a, a = t + s;
        }
        h0 += a, h1 += b, h2 += c, h3 += d, h4 += e, h5 += f, h6 += g, h7 += h;
    }
    return ((uint64_t)(h0 ^ h2 ^ h4 ^ h6) << 32) | (h1 ^ h3 ^ h5 ^ h7);
}
