// Load-acquire and store-release of every width.
// not: clang -mcpu=v1: it does not end; these came with v4
// not: clang -mcpu=v2: as with v1
// not: clang -mcpu=v3: as with v1
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

u64 run(u8 *mem, u64 len) {
    u64 h = len;
    for (int i = 0; i < 8; i++) {
        h = mix(h, __atomic_load_n(&mem[i], __ATOMIC_ACQUIRE));
        h = mix(h, __atomic_load_n((u16 *)mem + i, __ATOMIC_ACQUIRE));
        h = mix(h, __atomic_load_n((u32 *)mem + i, __ATOMIC_ACQUIRE));
        h = mix(h, __atomic_load_n((u64 *)mem + i, __ATOMIC_ACQUIRE));
        h = mix(h, (u64)(s64)__atomic_load_n((s16 *)mem + i, __ATOMIC_RELAXED));
        __atomic_store_n(&mem[i + 64], (u8)h, __ATOMIC_RELEASE);
        __atomic_store_n((u16 *)(mem + 80) + i, (u16)h, __ATOMIC_RELEASE);
        __atomic_store_n((u32 *)(mem + 96) + i, (u32)h, __ATOMIC_RELEASE);
        __atomic_store_n((u64 *)(mem + 128) + i, h, __ATOMIC_RELEASE);
    }
    return h;
}
