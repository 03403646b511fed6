// Binary searches in a sorted table of 32-bit keys; the branches are hard to foresee.
// input: random 8192
#include "prog.h"

uint64_t run(uint8_t *mem, uint64_t len) {
    uint32_t *table = (uint32_t *)mem, n = (uint32_t)(len / 4);
    uint32_t key = 0;
    for (uint32_t i = 0; i < n; i++) {
        key += 1 + (table[i] & 0xffff);
        table[i] = key;
    }
    uint64_t h = 0;
    uint32_t x = 12345;
    for (uint32_t probe = 0; probe < 4000; probe++) {
        x = x * 1664525 + 1013904223;
        uint32_t want = (uint32_t)(((uint64_t)x * key) >> 32);
        uint32_t lo = 0, hi = n;
        while (lo < hi) {
            uint32_t mid = (lo + hi) / 2;
            if (table[mid] < want) lo = mid + 1;
            else if (table[mid] > want) hi = mid;
            else {
                lo = mid;
                break;
            }
        }
        h = h * 33 + lo;
    }
    return h;
}
