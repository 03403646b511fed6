// _Bool: any nonzero value becomes 1, in memory too.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

struct flags { _Bool a, b, c, d; };

static noinline _Bool odd(u64 x) { return x & 1; }
static noinline _Bool any(u64 x) { return x; }

u64 run(u8 *mem, u64 len) {
    struct flags *f = (struct flags *)(mem + 128);
    u64 h = len;
    for (int i = 0; i < 32; i++) {
        f->a = mem[i];
        f->b = mem[i] & 0x10;
        f->c = !f->a;
        f->d = odd(mem[i]) ^ any(mem[i] & 6);
        h = mix(h, *(u32 *)f);
        h = mix(h, (u64)f->a + f->b * 2 + f->c * 4 + any((u64)mem[i] << 32) * 8);
    }
    return h;
}
