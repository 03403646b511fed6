// Recursion 60 frames deep.
// depth: 64
#include "test.h"

static noinline u64 sum(const u8 *p, u64 n) {
    volatile u64 mine = p[n];
    return n ? sum(p, n - 1) * 5 + mine : mine;
}

u64 run(u8 *mem, u64 len) { return sum(mem, 60) + len; }
