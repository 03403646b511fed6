// Levenshtein distance of two texts by dynamic programming, one row of 16-bit cells.
// input: text 1024
#include "prog.h"

uint64_t run(uint8_t *mem, uint64_t len) {
    uint64_t n = len / 4;
    const uint8_t *a = mem, *b = mem + n;
    uint16_t *row = (uint16_t *)(mem + 2 * n);
    n = n - 1;
    for (uint64_t j = 0; j <= n; j++) row[j] = (uint16_t)j;
    for (uint64_t i = 1; i <= n / 3; i++) {
        uint16_t diagonal = row[0];
        row[0] = (uint16_t)i;
        for (uint64_t j = 1; j <= n; j++) {
            uint16_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (diagonal + 1 < best) best = diagonal + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    uint64_t h = 0;
    for (uint64_t j = 0; j <= n; j++) h = h * 31 + row[j];
    return h;
}
