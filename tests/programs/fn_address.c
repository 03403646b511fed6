// Addresses of functions, compared and tested, not called.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

static noinline u64 one(u64 x) { return x + 1; }
static noinline u64 two(u64 x) { return x * 2; }
u64 three(u64 x) { return x - 3; }
__attribute__((weak)) u64 absent(u64 x) { return x; }

typedef u64 (*fn)(u64);
static fn known[] = {one, two, three};

static noinline u32 which(fn f) {
    if (f == one) return 1;
    if (f == two) return 2;
    if (f == three) return 3;
    return f ? 4 : 0;
}

u64 run(u8 *mem, u64 len) {
    u64 h = one(len) + two(len) + three(len);
    for (int i = 0; i < 16; i++) h = mix(h, which(known[mem[i] % 3]));
    h = mix(h, which(0));
    h = mix(h, which(absent));
    return mix(h, known[0] != known[1]);
}
