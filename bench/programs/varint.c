// LEB128 numbers as in protobuf and DWARF: encode words into the upper part of the buffer, decode them, sum.
// input: random 262144
#include "prog.h"

uint64_t run(uint8_t *mem, uint64_t len) {
    const uint64_t *v = (const uint64_t *)mem;
    uint64_t n = len / 32;
    uint8_t *out = mem + n * 8, *p = out;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t x = v[i] >> (v[i] & 63);
        while (x >= 0x80) {
            *p++ = (uint8_t)(x | 0x80);
            x >>= 7;
        }
        *p++ = (uint8_t)x;
    }
    uint64_t h = 0;
    for (const uint8_t *q = out; q < p;) {
        uint64_t x = 0;
        unsigned shift = 0;
        uint8_t c;
        do {
            c = *q++;
            x |= (uint64_t)(c & 0x7f) << shift;
            shift += 7;
        } while (c & 0x80);
        h += (x >> 1) ^ (0 - (x & 1)); // zigzag
    }
    return h ^ (uint64_t)(p - out);
}
