// Every signed comparison as a branch, 64 bits, with registers and immediates.
// not: bpf-gcc -mcpu=v1: it makes b >= a of a < b
#include "test.h"

static noinline u64 all(s64 a, s64 b) {
    u64 r = 0;
    if (a == b) r |= 1;
    if (a < b) r |= 4;
    if (a <= b) r |= 8;
    if (a > b) r |= 16;
    if (a >= b) r |= 32;
    if (a < 0) r |= 64;
    if (a > -1) r |= 128;
    if (a >= -0x80000000ll) r |= 256;
    if (a < -0x80000001ll) r |= 512;
    if (a <= 0x7fffffff) r |= 1024;
    if (a > 0x80000000ll) r |= 2048;
    if (a != -1) r |= 4096;
    return r;
}

u64 run(u8 *mem, u64 len) {
    static const s64 edges[] = {0, 1, -1, 2, -2, 0x7fffffff, 0x80000000, -0x80000000ll, -0x80000001ll, 0xffffffff, -0xffffffffll,
                                0x7fffffffffffffff, -0x7fffffffffffffff - 1};
    u64 h = mem[0] + len;
    for (int i = 0; i < 13; i++)
        for (int j = 0; j < 13; j++) h = mix(h, all(edges[i], edges[j]));
    return h;
}
