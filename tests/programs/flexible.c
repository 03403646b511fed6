// Flexible array members and zero-length tails over the buffer.
// not: bpf-gcc -mcpu=v1: it makes b >= a of a < b
#include "test.h"

struct chunk { u16 size; u8 kind; u8 data[]; };
struct words { u32 n; u32 v[]; };
static const struct words fixed = {3, {100, 200, 300}};

u64 run(u8 *mem, u64 len) {
    u64 h = sizeof(struct chunk), at = 0;
    while (at + 16 <= len) {
        struct chunk *c = (struct chunk *)(mem + at);
        c->size = c->kind & 7;
        for (u32 i = 0; i < c->size; i++) h = mix(h, c->data[i]);
        c->data[c->size] = (u8)h;
        at += sizeof *c + c->size + 1;
        at += at & 1;
    }
    for (u32 i = 0; i < fixed.n; i++) h = mix(h, fixed.v[i]);
    return h;
}
