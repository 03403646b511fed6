// Longest common subsequence of two texts by dynamic programming, two rows of 32-bit cells.
// input: text 4096
#include "prog.h"

uint64_t run(uint8_t *mem, uint64_t len) {
    const uint8_t *a = mem, *b = mem + 128;
    uint32_t *row = (uint32_t *)(mem + len / 2), *next = row + 160;
    uint32_t n = 128;
    for (uint32_t j = 0; j <= n; j++) row[j] = next[j] & 1;
    row[0] = next[0] = 0;
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t j = 0; j < n; j++) {
            if (a[i] == b[j]) next[j + 1] = row[j] + 1;
            else next[j + 1] = next[j] > row[j + 1] ? next[j] : row[j + 1];
        }
        uint32_t *t = row;
        row = next;
        next = t;
    }
    uint64_t h = 0;
    for (uint32_t j = 0; j <= n; j++) h = h * 31 + row[j];
    return h;
}
