// Exchange and compare-exchange, 32 and 64 bits, hits and misses.
// cpu: v3+: they came with it
// not: bpf-gcc: it makes calls of libatomic for these
#include "test.h"

static u64 lock;

u64 run(u8 *mem, u64 len) {
    u64 *q = (u64 *)mem, h = len;
    u32 *d = (u32 *)(mem + 64);
    for (u64 i = 0; i < 16; i++) {
        h = mix(h, __sync_lock_test_and_set(&q[i & 1], h));
        h = mix(h, __sync_val_compare_and_swap(&q[2], q[2], i));
        h = mix(h, __sync_val_compare_and_swap(&q[2], i + 1, 99));
        h = mix(h, __sync_val_compare_and_swap(&d[0], d[0], (u32)h));
        h = mix(h, __sync_val_compare_and_swap(&d[1], 0xffffffffu, (u32)i));
        h = mix(h, __sync_lock_test_and_set(&d[2], (u32)h | 0x80000000u));
        h = mix(h, __sync_bool_compare_and_swap(&lock, 0, 1));
        lock = i & 1;
    }
    lock = 0;
    return mix(h, q[2] + d[0]);
}
