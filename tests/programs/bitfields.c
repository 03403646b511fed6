// Unsigned bit-fields: packed into words, read, written, across storage units.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

struct packet {
    u32 version : 4, ihl : 4, tos : 8, length : 16;
    u32 id : 16, flags : 3, offset : 13;
    u64 wide : 37, rest : 27;
};

u64 run(u8 *mem, u64 len) {
    struct packet *p = (struct packet *)mem;
    u64 h = len;
    for (u32 i = 0; i < 8; i++) {
        struct packet *q = p + i;
        h = mix(h, q->version + q->ihl * 16);
        h = mix(h, q->tos ^ q->length);
        h = mix(h, q->wide);
        h = mix(h, q->rest);
        q->version = i;
        q->ihl += 3;
        q->flags = ~q->flags;
        q->offset = q->length;
        q->wide = q->wide * 5 + i;
        q->rest ^= q->wide;
        h = mix(h, ((u64 *)q)[0]);
        h = mix(h, ((u64 *)q)[1]);
    }
    return h;
}
