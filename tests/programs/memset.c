// __builtin_memset and __builtin_memmove of small, known sizes.
// not: bpf-gcc: it calls memmove and memset even for these
#include "test.h"

struct record { u32 a; u8 b[20]; u64 c; };

u64 run(u8 *mem, u64 len) {
    struct record r;
    __builtin_memset(&r, 0, sizeof r);
    r.a = mem[0];
    u64 h = r.a + r.b[7] + r.c;
    __builtin_memset(mem + 32, 0xa5, 24);
    __builtin_memset(mem + 61, mem[1], 7);
    __builtin_memset(r.b, -1, sizeof r.b);
    __builtin_memmove(mem + 80, mem + 84, 16);
    __builtin_memmove(mem + 104, mem + 100, 16);
    for (int i = 0; i < 20; i++) h = mix(h, r.b[i]);
    for (u64 i = 0; i < len; i++) h = mix(h, mem[i]);
    return h;
}
