// Atomic operations that return the old value, 64 bits.
// cpu: v3+: fetching atomics came with it
// not: bpf-gcc: it makes calls of libatomic for these
#include "test.h"

u64 run(u8 *mem, u64 len) {
    u64 *q = (u64 *)mem, h = len;
    for (u64 i = 0; i < 16; i++) {
        h = mix(h, __sync_fetch_and_add(&q[i & 3], i * 7));
        h = mix(h, __sync_fetch_and_sub(&q[i & 3], h));
        h = mix(h, __sync_fetch_and_and(&q[1], ~(1ull << i)));
        h = mix(h, __sync_fetch_and_or(&q[2], 1ull << (63 - i)));
        h = mix(h, __sync_fetch_and_xor(&q[3], h));
        h = mix(h, __sync_add_and_fetch(&q[0], i));
        h = mix(h, __sync_xor_and_fetch(&q[0], ~i));
    }
    return mix(h, q[0] ^ q[1] ^ q[2] ^ q[3]);
}
