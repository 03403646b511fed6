// Signed decimal numbers out of text, with overflow check; anything else separates them.
// input: csv 32768
#include "prog.h"

uint64_t run(uint8_t *mem, uint64_t len) {
    uint64_t at = 0, sum = 0, count = 0, bad = 0;
    while (at < len) {
        uint8_t c = mem[at];
        int neg = c == '-';
        if (neg && ++at < len) c = mem[at];
        if (c < '0' || c > '9') {
            at++;
            continue;
        }
        uint64_t v = 0, overflow = 0;
        do {
            uint64_t digit = (uint64_t)(mem[at] - '0');
            overflow |= v > (~0ull - digit) / 10;
            v = v * 10 + digit;
            at++;
        } while (at < len && mem[at] >= '0' && mem[at] <= '9');
        sum += neg ? 0 - v : v;
        bad += overflow;
        count++;
    }
    return sum ^ (count << 40) ^ (bad << 56);
}
