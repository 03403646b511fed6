// Packed structs: fields at odd addresses, loaded and stored byte by byte or unaligned.
// not: bpf-gcc -mcpu=v1 -O1: it zero-extends 32 bits by an `and` with -1
// not: bpf-gcc -mcpu=v1 -O2: it zero-extends 32 bits by an `and` with -1
// not: bpf-gcc -mcpu=v2 -O1: it zero-extends 32 bits by an `and` with -1
// not: bpf-gcc -mcpu=v2 -O2: it zero-extends 32 bits by an `and` with -1
#include "test.h"

struct __attribute__((packed)) header {
    u8 tag;
    u16 a;
    u32 b;
    u64 c;
    s16 d;
    u8 tail[3];
};

struct __attribute__((packed, aligned(2))) half { u8 a; u32 b; u64 c; };

u64 run(u8 *mem, u64 len) {
    u64 h = sizeof(struct header) * 100 + sizeof(struct half);
    for (u64 at = 0; at + sizeof(struct header) <= len; at += sizeof(struct header)) {
        struct header *p = (struct header *)(mem + at);
        h = mix(h, p->tag + p->a);
        h = mix(h, p->b ^ p->c);
        h = mix(h, (u64)(s64)p->d);
        p->a = (u16)(p->b >> 8);
        p->b += 0x01020304;
        p->c = h;
        p->d = (s16)-p->a;
        p->tail[2] ^= p->tag;
    }
    struct half *q = (struct half *)(mem + 2);
    q->b = (u32)h;
    q->c += q->b;
    return mix(h, q->c);
}
