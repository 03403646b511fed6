// Shifts by a register, every count within the width.
// not: bpf-gcc -mcpu=v1: it zero-extends 32 bits by an `and` with -1
// not: bpf-gcc -mcpu=v2: it zero-extends 32 bits by an `and` with -1
#include "test.h"

u64 run(u8 *mem, u64 len) {
    u64 h = len;
    for (u32 n = 0; n < 64; n++) {
        u64 x = *(u64 *)(mem + (n & 31) * 8 % 128);
        h = mix(h, x << n);
        h = mix(h, x >> n);
        h = mix(h, (u64)((s64)x >> n));
        u32 m = n & 31, w = (u32)x;
        h = mix(h, w << m);
        h = mix(h, w >> m);
        h = mix(h, (u64)(s64)((s32)w >> m));
        h = mix(h, (u64)(u32)((s32)w >> m));
        h = mix(h, x << n | x >> (-n & 63));
        h = mix(h, w << m | w >> (-m & 31));
        h = mix(h, (u8)(w >> m) + (u16)(x << n));
    }
    return h;
}
