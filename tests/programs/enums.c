// Enumerations, also negative and wide ones, as values, indexes and fields.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

enum color { RED, GREEN = 5, BLUE };
enum temperature { COLD = -40, MILD = 10, HOT = 1000000 };

struct thing { enum color c; enum temperature t; };

static const u8 weight[] = {[RED] = 9, [GREEN] = 8, [BLUE] = 7};

static noinline enum color next(enum color c) { return c == RED ? GREEN : c == GREEN ? BLUE : RED; }
static noinline enum temperature feel(int x) { return x < 50 ? COLD : x < 200 ? MILD : HOT; }

u64 run(u8 *mem, u64 len) {
    struct thing *t = (struct thing *)(mem + 64);
    u64 h = len;
    enum color c = BLUE;
    for (int i = 0; i < 16; i++) {
        c = next(c);
        t->c = c;
        t->t = feel(mem[i]);
        h = mix(h, weight[t->c]);
        h = mix(h, (u64)(s64)t->t);
    }
    return h;
}
