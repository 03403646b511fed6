// Initialized locals: the compiler copies a template from .rodata or clears the place.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

struct config { u32 a, b; u8 name[12]; u64 c[3]; };

static noinline u64 use(const struct config *c) {
    u64 h = c->a + c->b;
    for (int i = 0; i < 12; i++) h = mix(h, c->name[i]);
    return h ^ c->c[0] ^ c->c[1] << 1 ^ c->c[2] << 2;
}

u64 run(u8 *mem, u64 len) {
    struct config a = {1, 2, "skep", {3, 4, 0x123456789abcdefull}};
    struct config zero = {0};
    struct config part = {.b = 7, .c = {[1] = 9}};
    u16 table[10] = {9, 8, 7, 6, 5};
    char text[] = "a basket of straw";
    a.a += mem[0];
    zero.c[2] = len;
    u64 h = mix(use(&a), use(&zero));
    h = mix(h, use(&part));
    for (int i = 0; i < 10; i++) h = mix(h, table[i] + (u64)text[mem[i] & 15]);
    return h;
}
