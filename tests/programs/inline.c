// Inline functions: always, never, and as the compiler likes; no copy is left behind that matters.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

static inline __attribute__((always_inline)) u64 square(u64 x) { return x * x; }
static inline u64 cube(u64 x) { return square(x) * x; }
noinline u64 power4(u64 x) { return square(square(x)); }
static u64 unused_static(u64 x) __attribute__((unused));
static u64 unused_static(u64 x) { return x; }

u64 run(u8 *mem, u64 len) {
    u64 h = len;
    for (int i = 0; i < 8; i++) h = mix(square(h) + cube(mem[i]), power4(mem[i + 1]));
    return h;
}
