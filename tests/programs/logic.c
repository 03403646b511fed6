// && and || with side effects: the right side runs only when it must.
// not: bpf-gcc -mcpu=v1: it makes b >= a of a < b
#include "test.h"

static u32 calls;

static noinline int yes(u32 n) { calls = calls * 3 + n; return 1; }
static noinline int no(u32 n) { calls = calls * 5 + n; return 0; }

u64 run(u8 *mem, u64 len) {
    calls = (u32)len;
    u64 r = 0;
    for (u32 i = 0; i < 32; i++) {
        u8 c = mem[i];
        if ((c & 1 && yes(i)) || no(i)) r += 1;
        if ((c & 2 || no(i)) && yes(i + 1)) r += 100;
        if (!(c & 4) && !no(i) && !!c) r += 10000;
        r += (u64)((c > 100) && (c < 200)) << 32;
        r ^= (u64)((c == 3) || (c & 8)) << 40;
    }
    return mix(r, calls);
}
