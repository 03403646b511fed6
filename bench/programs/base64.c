// Base64: encode the first part of the buffer behind it, decode it again, compare.
// input: random 131072
#include "prog.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static inline uint32_t value(uint8_t c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : 63;
}

uint64_t run(uint8_t *mem, uint64_t len) {
    uint64_t n = len / 4 / 3 * 3;
    uint8_t *text = mem + n, *out = text;
    for (uint64_t i = 0; i < n; i += 3) {
        uint32_t w = (uint32_t)mem[i] << 16 | (uint32_t)mem[i + 1] << 8 | mem[i + 2];
        *out++ = (uint8_t)alphabet[w >> 18];
        *out++ = (uint8_t)alphabet[w >> 12 & 63];
        *out++ = (uint8_t)alphabet[w >> 6 & 63];
        *out++ = (uint8_t)alphabet[w & 63];
    }
    uint64_t h = 0, wrong = 0;
    const uint8_t *p = text;
    for (uint64_t i = 0; i < n; i += 3, p += 4) {
        uint32_t w = value(p[0]) << 18 | value(p[1]) << 12 | value(p[2]) << 6 | value(p[3]);
        wrong += (w >> 16 & 255) != mem[i] || (w >> 8 & 255) != mem[i + 1] || (w & 255) != mem[i + 2];
        h = h * 31 + load32(p);
    }
    return h ^ (wrong << 48);
}
