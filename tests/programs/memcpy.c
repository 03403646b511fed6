// __builtin_memcpy of small, known sizes at several alignments: inlined loads and stores.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

struct big { u64 q[7]; u8 tail[5]; };

u64 run(u8 *mem, u64 len) {
    u64 h = len, q;
    u32 d;
    u16 w;
    for (u32 i = 0; i < 16; i++) {
        __builtin_memcpy(&q, mem + i, 8);
        h = mix(h, q);
        __builtin_memcpy(&d, mem + 3 * i, 4);
        h = mix(h, d);
        __builtin_memcpy(&w, mem + 5 * i, 2);
        h = mix(h, w);
        __builtin_memcpy(mem + 100 + i, &h, 8);
    }
    struct big b;
    __builtin_memcpy(&b, mem, sizeof b);
    b.q[3] += h;
    __builtin_memcpy(mem + 128, &b, sizeof b);
    __builtin_memcpy(mem + 200, mem + 8, 13);
    for (u64 i = 0; i < len; i++) h = mix(h, mem[i]);
    return h;
}
