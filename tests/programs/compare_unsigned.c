// Every unsigned comparison as a branch, 64 bits, with registers and immediates.
// not: bpf-gcc -mcpu=v1: it makes b >= a of a < b
#include "test.h"

static noinline u64 all(u64 a, u64 b) {
    u64 r = 0;
    if (a == b) r |= 1;
    if (a != b) r |= 2;
    if (a < b) r |= 4;
    if (a <= b) r |= 8;
    if (a > b) r |= 16;
    if (a >= b) r |= 32;
    if (a & b) r |= 64;
    if (a > 0x7fffffff) r |= 128;
    if (a < 0x80000000ull) r |= 256;
    if (a >= 0xffffffff80000000ull) r |= 512;
    if (a == 0xffffffffffffffffull) r |= 1024;
    if (a <= 0xffffffffull) r |= 2048;
    if (a & 0x80000000ull) r |= 4096;
    if (a & 0xffffffff80000000ull) r |= 8192;
    if (!a) r |= 16384;
    return r;
}

u64 run(u8 *mem, u64 len) {
    static const u64 edges[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffffffff, 1ull << 63,
                                0xffffffff7fffffff, 0xffffffff80000000, ~0ull - 1, ~0ull};
    u64 h = mem[0] + len;
    for (int i = 0; i < 12; i++)
        for (int j = 0; j < 12; j++) h = mix(h, all(edges[i], edges[j]));
    return h;
}
