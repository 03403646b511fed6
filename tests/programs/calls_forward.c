// Calls forwards and backwards over other functions, of static, global and weak ones.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

static u64 last(u64 x);
u64 global_last(u64 x);

static noinline u64 first(u64 x) { return last(x + 1) + global_last(x); }
static noinline u64 filler(u64 x) {
    for (int i = 0; i < 5; i++) x = x * 7 + (u64)i;
    return x;
}

u64 run(u8 *mem, u64 len) { return first(len) ^ filler(mem[0]) ^ last(mem[1]) ^ global_last(mem[2]); }

noinline u64 global_last(u64 x) { return filler(x) - 3; }
static noinline u64 last(u64 x) { return filler(x) * 5; }
