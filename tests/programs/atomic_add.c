// Atomic additions whose old value nobody uses: plain XADD, in every level.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

static u64 counter;
static u32 counter32;

u64 run(u8 *mem, u64 len) {
    u64 *q = (u64 *)mem;
    u32 *d = (u32 *)(mem + 64);
    counter = len;
    counter32 = 0xfffffff0;
    for (int i = 0; i < 16; i++) {
        __sync_fetch_and_add(&q[i & 3], 0x100000001ull * (u64)i);
        __sync_fetch_and_add(&d[i & 7], (u32)i * 0x11111111u);
        __sync_fetch_and_add(&counter, mem[i]);
        __sync_fetch_and_add(&counter32, 3u);
        __sync_fetch_and_sub(&q[0], 5);
    }
    return mix(mix(q[0], q[3]), counter + counter32 + d[1]);
}
