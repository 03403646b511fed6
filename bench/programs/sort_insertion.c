// Insertion sort of short runs of 64-bit keys, sizes as in a small per-flow table.
// input: random 32768
#include "prog.h"

uint64_t run(uint8_t *mem, uint64_t len) {
    int64_t *v = (int64_t *)mem;
    uint64_t n = len / 8, h = 0;
    for (uint64_t base = 0; base + 64 <= n; base += 64) {
        int64_t *a = v + base;
        for (int64_t i = 1; i < 64; i++) {
            int64_t x = a[i], j = i - 1;
            while (j >= 0 && a[j] > x) {
                a[j + 1] = a[j];
                j--;
            }
            a[j + 1] = x;
        }
        for (uint64_t i = 0; i < 64; i++) h = h * 31 + (uint64_t)a[i];
    }
    return h;
}
