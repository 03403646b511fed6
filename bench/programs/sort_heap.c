// Heap sort of 32-bit keys.
// input: random 16384
#include "prog.h"

static inline void sift(uint32_t *a, uint32_t at, uint32_t n) {
    uint32_t x = a[at];
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= n) break;
        if (child + 1 < n && a[child + 1] > a[child]) child++;
        if (a[child] <= x) break;
        a[at] = a[child];
        at = child;
    }
    a[at] = x;
}

uint64_t run(uint8_t *mem, uint64_t len) {
    uint32_t *a = (uint32_t *)mem, n = (uint32_t)(len / 4);
    for (uint32_t i = n / 2; i-- > 0;) sift(a, i, n);
    for (uint32_t end = n - 1; end > 0; end--) {
        uint32_t top = a[0];
        a[0] = a[end];
        a[end] = top;
        sift(a, 0, end);
    }
    uint64_t h = 0;
    for (uint32_t i = 0; i < n; i++) h = h * 31 + a[i];
    return h;
}
