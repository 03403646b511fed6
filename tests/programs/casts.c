// Chains of conversions between widths and signs.
// not: bpf-gcc -mcpu=v1: it zero-extends 32 bits by an `and` with -1
// not: bpf-gcc -mcpu=v2: it zero-extends 32 bits by an `and` with -1
#include "test.h"

static noinline u64 chain(u64 x) {
    u64 h = 0;
    h = mix(h, (u8)x);
    h = mix(h, (u64)(s64)(s8)x);
    h = mix(h, (u16)(s8)x);
    h = mix(h, (u32)(s16)x);
    h = mix(h, (u64)(s64)(s32)x);
    h = mix(h, (u64)(u32)(s32)(s8)x);
    h = mix(h, (u64)(s64)(s32)(u16)x);
    h = mix(h, (u64)(s64)(s16)(u16)(u8)x);
    h = mix(h, (u64)(u8)(s16)(u32)x + (u16)(s8)(u64)x);
    return h;
}

u64 run(u8 *mem, u64 len) {
    static const u64 edges[] = {0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000,
                                0xffffffff, 0x7fffffffffffffff, 0x8000000000000000, ~0ull};
    u64 h = len;
    for (unsigned i = 0; i < sizeof edges / sizeof *edges; i++) h = mix(h, chain(edges[i]));
    return mix(h, chain(*(u64 *)mem));
}
