// A million iterations; the result depends on each.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

u64 run(u8 *mem, u64 len) {
    u64 x = mem[0] + len;
    for (u32 i = 0; i < 1000000; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x += i;
    }
    return x;
}
