// Modular powers, as in a Miller-Rabin test: products and remainders of 64 bits.
// input: random 4096
#include "prog.h"

static noinline uint64_t power(uint64_t base, uint32_t exponent, uint32_t modulus) {
    uint64_t result = 1;
    base %= modulus;
    while (exponent) {
        if (exponent & 1) result = result * base % modulus;
        base = base * base % modulus;
        exponent >>= 1;
    }
    return result;
}

uint64_t run(uint8_t *mem, uint64_t len) {
    const uint32_t *v = (const uint32_t *)mem;
    uint64_t h = 0, primes = 0;
    for (uint64_t i = 0; i < 320 && i < len / 4; i++) {
        uint32_t m = v[i] | 1;
        uint64_t p = power(2, m - 1, m);
        primes += p == 1;
        h = h * 31 + p;
    }
    return h ^ (primes << 56);
}
