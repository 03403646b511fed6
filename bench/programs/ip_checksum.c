// Internet checksum of packets of various lengths, by bytes in network order.
// input: random 131072
#include "prog.h"

static inline uint32_t checksum(const uint8_t *p, uint64_t n) {
    uint32_t sum = 0;
    for (uint64_t i = 0; i + 2 <= n; i += 2) sum += (uint32_t)p[i] << 8 | p[i + 1];
    if (n & 1) sum += (uint32_t)p[n - 1] << 8;
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}

uint64_t run(uint8_t *mem, uint64_t len) {
    uint64_t h = 0;
    for (uint64_t at = 0; at + 128 <= len; at += 128) h = h * 31 + checksum(mem + at, 20 + (mem[at] & 63));
    for (uint64_t at = 0; at + 1500 <= len; at += 1500) h = h * 31 + checksum(mem + at, 1500);
    return h;
}
