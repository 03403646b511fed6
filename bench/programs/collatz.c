// Collatz lengths: a data-dependent branch in each step.
// input: random 64
#include "prog.h"

uint64_t run(uint8_t *mem, uint64_t len) {
    uint64_t start = mem[0] & len, best = 0, sum = 0;
    for (uint64_t n = 1 + start; n < 800 + start; n++) {
        uint64_t x = n, steps = 0;
        while (x != 1) {
            if (x & 1) x = 3 * x + 1;
            else x >>= 1;
            steps++;
        }
        sum += steps;
        if (steps > best) best = steps;
    }
    return (best << 32) | sum;
}
