// Signed division and remainder, 32 and 64 bits: they truncate towards zero.
// cpu: v4: older levels have no signed division
// not: bpf-gcc: no signed division in the levels it knows
#include "test.h"

static noinline s64 all64(s64 a, s64 b) { return a / b * 31 + a % b + a / 7 - a % 10 + a / -3 + a % -1000; }

static noinline s64 all32(s32 a, s32 b) { return (s64)(a / b) * 31 + a % b + a / 7 - a % 10 + a / -3 + a % -1000; }

u64 run(u8 *mem, u64 len) {
    static const s64 edges[] = {1, -1, 2, -2, 13, -13, 0x7fffffff, -0x7fffffff, 0x7fffffffffffffff, -0x7fffffffffffffff};
    u64 h = len;
    for (int i = 0; i < 10; i++)
        for (int j = 0; j < 10; j++) {
            h = mix(h, (u64)(edges[i] / edges[j]));
            h = mix(h, (u64)all64(edges[i] / 64, edges[j] / 64 | 1));
            h = mix(h, (u64)all32((s32)(edges[i] >> 1), (s32)edges[j] | 1));
        }
    // MIN / 1 and MIN / 2 are defined; MIN / -1 is not C.
    volatile s64 min = -0x7fffffffffffffff - 1;
    volatile s32 min32 = -0x7fffffff - 1;
    h = mix(h, (u64)(min / 2 + min % 3) + (u64)(s64)(min32 / 2 + min32 % 3));
    const s32 *v = (const s32 *)mem;
    for (int i = 0; i < 16; i++) h = mix(h, (u64)all32(v[i] >> 4, v[i + 1] | 1));
    return h;
}
