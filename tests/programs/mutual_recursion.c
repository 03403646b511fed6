// Functions that call each other; one is declared first and defined last.
// depth: 16
#include "test.h"

static noinline u64 odd(u64 n, u64 h);

static noinline u64 even(u64 n, u64 h) {
    if (!n) return mix(h, 2);
    u64 r = odd(n - 1, h + 3);
    return r ^ n;
}

u64 run(u8 *mem, u64 len) { return even(mem[0] & 3, len) + odd(mem[1] & 3, len) * 7 + even(6, 1); }

static noinline u64 odd(u64 n, u64 h) {
    if (!n) return mix(h, 1);
    u64 r = even(n - 1, h * 3);
    return r + n;
}
