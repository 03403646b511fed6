// 64-bit arithmetic with register and immediate operands, immediates beyond 32 bits included.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

static noinline u64 all(u64 a, u64 b) {
    u64 h = 1;
    h = mix(h, a + b);
    h = mix(h, a - b);
    h = mix(h, b - a);
    h = mix(h, a * b);
    h = mix(h, a & b);
    h = mix(h, a | b);
    h = mix(h, a ^ b);
    h = mix(h, ~a);
    h = mix(h, -b);
    h = mix(h, a + 0x7fffffff);
    h = mix(h, a + 0x80000000ull);
    h = mix(h, a - 0x80000000ull);
    h = mix(h, a & 0xffffffff00000000ull);
    h = mix(h, a | 0xffffffff80000000ull);
    h = mix(h, b ^ 0x123456789abcdef0ull);
    h = mix(h, b * 0xfffffffffffffff1ull);
    return h;
}

u64 run(u8 *mem, u64 len) {
    static const u64 edges[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffffffff, 1ull << 63, ~0ull};
    u64 h = len;
    for (int i = 0; i < 9; i++)
        for (int j = 0; j < 9; j++) h = mix(h, all(edges[i], edges[j]));
    const u64 *v = (const u64 *)mem;
    for (int i = 0; i < 8; i++) h = mix(h, all(v[i], v[i + 1]));
    return h;
}
