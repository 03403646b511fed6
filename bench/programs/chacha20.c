// ChaCha20: 32-bit adds, xors and rotates on sixteen words; the key stream is xored into the buffer.
// input: random 32768
#include "prog.h"

#define QUARTER(a, b, c, d)                         \
    do {                                            \
        x[a] += x[b]; x[d] = rotl32(x[d] ^ x[a], 16); \
        x[c] += x[d]; x[b] = rotl32(x[b] ^ x[c], 12); \
        x[a] += x[b]; x[d] = rotl32(x[d] ^ x[a], 8);  \
        x[c] += x[d]; x[b] = rotl32(x[b] ^ x[c], 7);  \
    } while (0)

uint64_t run(uint8_t *mem, uint64_t len) {
    uint32_t *w = (uint32_t *)mem;
    uint32_t s[16], x[16];
    uint64_t h = 0;
    s[0] = 0x61707865, s[1] = 0x3320646e, s[2] = 0x79622d32, s[3] = 0x6b206574;
    for (int i = 4; i < 16; i++) s[i] = w[i];
    for (uint64_t at = 0; at + 16 <= len / 4; at += 16) {
        for (int i = 0; i < 16; i++) x[i] = s[i];
        for (int round = 0; round < 10; round++) {
            QUARTER(0, 4, 8, 12);
            QUARTER(1, 5, 9, 13);
            QUARTER(2, 6, 10, 14);
            QUARTER(3, 7, 11, 15);
            QUARTER(0, 5, 10, 15);
            QUARTER(1, 6, 11, 12);
            QUARTER(2, 7, 8, 13);
            QUARTER(3, 4, 9, 14);
        }
        for (int i = 0; i < 16; i++) w[at + (uint64_t)i] ^= x[i] + s[i];
        h = h * 31 + w[at];
        s[12]++;
    }
    return h;
}
