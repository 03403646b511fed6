// Product of two 48 x 48 matrices of 32-bit numbers with 64-bit sums.
// input: random 40960
#include "prog.h"

#define N 48

uint64_t run(uint8_t *mem, uint64_t len) {
    const uint32_t *a = (const uint32_t *)mem, *b = a + N * N;
    uint64_t *c = (uint64_t *)(mem + 2 * N * N * 4);
    uint64_t h = len;
    for (unsigned i = 0; i < N; i++)
        for (unsigned j = 0; j < N; j++) {
            uint64_t sum = 0;
            for (unsigned k = 0; k < N; k++) sum += (uint64_t)a[i * N + k] * b[k * N + j];
            c[i * N + j] = sum;
        }
    for (unsigned i = 0; i < N * N; i++) h = h * 31 + c[i];
    return h;
}
