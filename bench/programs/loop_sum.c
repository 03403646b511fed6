// Plain counted loops over an array of words, with a loop-carried dependence.
// input: random 8192
#include "prog.h"

uint64_t run(uint8_t *mem, uint64_t len) {
    const uint32_t *v = (const uint32_t *)mem;
    uint64_t n = len / 4, sum = 0;
    for (uint32_t round = 1; round <= 24; round++) {
        uint32_t carry = round;
        for (uint64_t i = 0; i < n; i++) {
            carry = carry * 5 + v[i];
            sum += carry ^ i;
        }
    }
    return sum;
}
