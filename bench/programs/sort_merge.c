// Bottom-up merge sort of 16-bit keys between the halves of the buffer.
// input: random 16384
#include "prog.h"

uint64_t run(uint8_t *mem, uint64_t len) {
    uint64_t n = len / 4;
    uint16_t *from = (uint16_t *)mem, *to = from + n;
    for (uint64_t width = 1; width < n; width *= 2) {
        for (uint64_t base = 0; base < n; base += 2 * width) {
            uint64_t mid = base + width < n ? base + width : n;
            uint64_t end = base + 2 * width < n ? base + 2 * width : n;
            uint64_t i = base, j = mid;
            for (uint64_t k = base; k < end; k++) {
                if (i < mid && (j >= end || from[i] <= from[j])) to[k] = from[i++];
                else to[k] = from[j++];
            }
        }
        uint16_t *t = from;
        from = to;
        to = t;
    }
    uint64_t h = 0;
    for (uint64_t i = 0; i < n; i++) h = h * 31 + from[i];
    return h;
}
