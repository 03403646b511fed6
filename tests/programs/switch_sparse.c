// Switches over values far apart, negative ones, 64-bit ones, ranges; with fall-through.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

static noinline u32 sparse(s32 x) {
    switch (x) {
    case -2147483647 - 1: return 1;
    case -1000: return 2;
    case -1: return 3;
    case 0: return 4;
    case 7: return 5;
    case 1000000: return 6;
    case 2147483647: return 7;
    }
    return 8;
}

static noinline u32 wide(u64 x) {
    switch (x) {
    case 1: return 1;
    case 0x100000001ull: return 2;
    case 0xffffffffull: return 3;
    case 0xffffffffffffffffull: return 4;
    case 0x8000000000000000ull: return 5;
    }
    return 6;
}

static noinline u32 fall(u8 c) {
    u32 r = 0;
    switch (c) {
    case '0' ... '9': r += 1; // fallthrough
    case 'a' ... 'f': r += 10; break;
    case 'A' ... 'F': r += 100; // fallthrough
    default: r += 1000; // fallthrough
    case '_': r += 10000;
    }
    return r;
}

u64 run(u8 *mem, u64 len) {
    static const s32 keys[] = {-2147483647 - 1, -1000, -1, 0, 7, 1000000, 2147483647, 8, -2};
    static const u64 wides[] = {1, 0x100000001ull, 0xffffffff, ~0ull, 1ull << 63, 0, 0x200000001ull, 0x80000000};
    u64 h = 0;
    for (int i = 0; i < 9; i++) h = mix(h, sparse(keys[i]));
    for (int i = 0; i < 8; i++) h = mix(h, wide(wides[i]));
    for (u64 i = 0; i < len; i++) h = mix(h, fall(mem[i]));
    return h;
}
