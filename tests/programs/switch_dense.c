// A dense switch: a compare tree, or a jump table at v4.
// uses: gotox
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

static noinline u64 step(u64 op, u64 x, u64 y) {
    switch (op) {
    case 0: return x + y;
    case 1: return x - y;
    case 2: return x * 3;
    case 3: return x ^ y;
    case 4: return x << 3;
    case 5: return y >> 5;
    case 6: return x | y;
    case 7: return ~x;
    case 8: return x & y;
    case 9: return y * 7 + x;
    case 10: return x / (y | 1);
    case 11: return x % (y | 3);
    case 12: return 0;
    case 14: return y;
    case 15: return x + 0x1234567890ull;
    default: return x + op;
    }
}

u64 run(u8 *mem, u64 len) {
    u64 h = len;
    for (u64 i = 0; i < len; i++) h = mix(h, step(mem[i] & 31, h, mem[i]));
    return mix(h, step(~0ull, 1, 2) + step(1ull << 32, 1, 2));
}
