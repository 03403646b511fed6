// Quicksort of 32-bit keys with its own stack of ranges; small ranges by insertion.
// input: random 16384
#include "prog.h"

uint64_t run(uint8_t *mem, uint64_t len) {
    uint32_t *a = (uint32_t *)mem;
    int32_t lo = 0, hi = (int32_t)(len / 4) - 1;
    int32_t stack[48];
    int32_t top = 0;
    for (;;) {
        while (hi - lo >= 8) {
            uint32_t pivot = a[(lo + hi) >> 1];
            int32_t i = lo, j = hi;
            while (i <= j) {
                while (a[i] < pivot) i++;
                while (a[j] > pivot) j--;
                if (i <= j) {
                    uint32_t t = a[i];
                    a[i++] = a[j];
                    a[j--] = t;
                }
            }
            // The larger part waits, so the stack stays logarithmic.
            if (j - lo < hi - i) {
                stack[top++] = i;
                stack[top++] = hi;
                hi = j;
            } else {
                stack[top++] = lo;
                stack[top++] = j;
                lo = i;
            }
        }
        for (int32_t i = lo + 1; i <= hi; i++) {
            uint32_t x = a[i];
            int32_t j = i;
            for (; j > lo && a[j - 1] > x; j--) a[j] = a[j - 1];
            a[j] = x;
        }
        if (!top) break;
        hi = stack[--top];
        lo = stack[--top];
    }
    uint64_t h = 0;
    for (uint64_t i = 0; i < len / 4; i++) h = h * 31 + a[i];
    return h;
}
