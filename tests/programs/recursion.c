// Recursion: frames with locals that must survive the inner calls.
// depth: 16
#include "test.h"

static noinline u64 fib(u32 n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

static noinline u64 hanoi(u32 n, u32 from, u32 to, u32 over, u64 h) {
    if (!n) return h;
    h = hanoi(n - 1, from, over, to, h);
    h = mix(h, n * 16 + from * 4 + to);
    return hanoi(n - 1, over, to, from, h);
}

static noinline u64 down(const u8 *p, u32 n) {
    volatile u64 keep = p[n];
    if (!n) return keep;
    u64 rest = down(p, n - 1);
    return rest * 3 + keep;
}

u64 run(u8 *mem, u64 len) { return mix(mix(fib(12), hanoi(6, 0, 1, 2, len)), down(mem, 7)); }
