// Negative values of every width come back from memory with their sign.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

u64 run(u8 *mem, u64 len) {
    s8 *b = (s8 *)mem;
    s16 *w = (s16 *)(mem + 64);
    s32 *d = (s32 *)(mem + 128);
    s64 sum = (s64)len;
    for (int i = 0; i < 16; i++) {
        sum = sum * 3 + b[i];
        sum ^= w[i];
        sum += d[i];
        sum -= (s64)b[i + 1] * w[i];
        int narrow = b[i] * w[i];
        sum += narrow;
    }
    b[0] = -128;
    w[0] = -32768;
    d[0] = -2147483647 - 1;
    return (u64)(sum + b[0] + w[0] + d[0]);
}
