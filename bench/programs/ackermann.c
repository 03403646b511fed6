// Ackermann's function for small arguments, fewer than 64 frames deep.
// input: random 64
#include "prog.h"

static noinline uint64_t ack(uint64_t m, uint64_t n) {
    if (m == 0) return n + 1;
    if (n == 0) return ack(m - 1, 1);
    return ack(m - 1, ack(m, n - 1));
}

uint64_t run(uint8_t *mem, uint64_t len) {
    uint64_t sum = mem[0] ^ len;
    for (uint64_t n = 0; n < 192; n++) sum = sum * 7 + ack(2, n & 15);
    return sum;
}
