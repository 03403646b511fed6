// Structs by pointer: nested, with padding, arrays of them, copies.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
// not: bpf-gcc -mcpu=v1 -O1: it makes b >= a of a < b
#include "test.h"

struct point { s16 x, y; };
struct item {
    u8 kind;
    u64 value;
    struct point at[3];
    u32 next;
};

static noinline void move(struct item *to, const struct item *from) {
    *to = *from;
    to->kind++;
    to->at[1].x = (s16)-to->at[0].y;
}

static noinline s64 sum(const struct item *p) {
    s64 s = p->kind + (s64)(p->value >> 3) + p->next;
    for (int i = 0; i < 3; i++) s += p->at[i].x * 3 - p->at[i].y;
    return s;
}

u64 run(u8 *mem, u64 len) {
    struct item *items = (struct item *)mem;
    u64 n = len / sizeof *items, h = sizeof *items;
    for (u64 i = 0; i + 1 < n; i++) {
        move(&items[i + 1], &items[i]);
        h = mix(h, (u64)sum(&items[i + 1]));
    }
    struct item local = items[0];
    local.at[2] = (struct point){-7, 9};
    h = mix(h, (u64)sum(&local));
    return h;
}
