// Sieve of Eratosthenes, one byte per number.
// input: random 32768
#include "prog.h"

uint64_t run(uint8_t *mem, uint64_t len) {
    uint64_t count = 0, sum = 0;
    for (uint64_t i = 2; i < len; i++) mem[i] |= 1;
    for (uint64_t i = 2; i < len; i++) {
        if (!(mem[i] & 1)) continue;
        count++;
        sum += i;
        for (uint64_t j = i * i; j < len; j += i) mem[j] &= 0xfe;
    }
    return count << 32 ^ sum;
}
