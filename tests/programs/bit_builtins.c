// Counting bits: population, leading and trailing zeros, parity, first set.
// not: bpf-gcc: it makes calls of libgcc for these
#include "test.h"

u64 run(u8 *mem, u64 len) {
    u64 h = len;
    for (int i = 0; i < 16; i++) {
        u64 x = ((u64 *)mem)[i] >> (i * 3) | 1ull << 63 >> i;
        u32 w = (u32)x | 0x100;
        h = mix(h, (u64)__builtin_popcountll(x) + (u64)__builtin_popcount(w) * 64);
        h = mix(h, (u64)__builtin_clzll(x) + (u64)__builtin_clz(w) * 64);
        h = mix(h, (u64)__builtin_ctzll(x) + (u64)__builtin_ctz(w) * 64);
        h = mix(h, (u64)__builtin_parityll(x) + (u64)__builtin_ffsll((s64)x) * 2);
    }
    return h;
}
