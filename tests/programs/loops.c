// for, while, do; break and continue at several depths; counting up, down, by strides, to a sentinel.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

u64 run(u8 *mem, u64 len) {
    u64 h = 0;
    for (u64 i = 0; i < len; i += 3) {
        if (mem[i] & 1) continue;
        for (u64 j = i; j < len; j++) {
            if (mem[j] == mem[i] && j > i + 5) break;
            if (mem[j] & 2) continue;
            h = mix(h, j);
        }
    }
    u64 n = 20;
    do h = mix(h, n);
    while (--n);
    s64 k = (s64)len - 1;
    while (k >= 0) {
        h += mem[k];
        k -= 7;
    }
    for (u32 i = 10; i-- > 0;) h = mix(h, i);
    for (u8 i = 250; i != 5; i++) h = mix(h, i);
    const u8 *p = mem, *end = mem + len;
    while (p < end && *p != 0xfe) h += *p++;
    for (;;) {
        if (h & 0x8000) break;
        h = h * 5 + 1;
    }
    return h;
}
