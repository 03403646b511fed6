// Atomic operations that return the old value, 32 bits: zero-extended, the neighbour untouched.
// cpu: v3+: fetching atomics and 32-bit ones came with it
// not: bpf-gcc: it makes calls of libatomic for these
#include "test.h"

u64 run(u8 *mem, u64 len) {
    u32 *d = (u32 *)mem;
    u64 h = len;
    for (u32 i = 0; i < 16; i++) {
        h = mix(h, __sync_fetch_and_add(&d[0], 0xf0000000u + i));
        h = mix(h, __sync_fetch_and_and(&d[1], ~(1u << i)));
        h = mix(h, __sync_fetch_and_or(&d[2], 0x80000000u >> i));
        h = mix(h, __sync_fetch_and_xor(&d[3], (u32)h));
        h = mix(h, (u64)(s64)(s32)__sync_fetch_and_add((s32 *)&d[4], -1000));
        h = mix(h, *(u64 *)d);
    }
    return h;
}
