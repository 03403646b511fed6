// Arithmetic that tells whether it overflowed.
// not: bpf-gcc -mcpu=v1: it zero-extends 32 bits by an `and` with -1
// not: bpf-gcc -mcpu=v2: it zero-extends 32 bits by an `and` with -1
#include "test.h"

u64 run(u8 *mem, u64 len) {
    u64 h = len;
    for (int i = 0; i < 16; i++) {
        u64 a = ((u64 *)mem)[i], b = ((u64 *)mem)[15 - i], r;
        s64 sr;
        u32 wr;
        s32 swr;
        h = mix(h, __builtin_add_overflow(a, b, &r));
        h = mix(h, r);
        h = mix(h, __builtin_sub_overflow(a, b, &r));
        h = mix(h, r);
        h = mix(h, __builtin_add_overflow((s64)a, (s64)b, &sr));
        h = mix(h, (u64)sr);
        h = mix(h, __builtin_sub_overflow((s64)a, (s64)b, &sr));
        h = mix(h, __builtin_add_overflow((u32)a, (u32)b, &wr));
        h = mix(h, wr);
        h = mix(h, __builtin_mul_overflow((u32)a, (u32)b, &wr));
        h = mix(h, wr);
        h = mix(h, __builtin_mul_overflow((s32)a, (s32)b >> 16, &swr));
        h = mix(h, (u32)swr);
    }
    return h;
}
