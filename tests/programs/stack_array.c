// Arrays on the stack, indexed by variables, passed to a callee.
// not: bpf-gcc -O2: it calls memcpy for the copying loop
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
// not: bpf-gcc -mcpu=v1 -O1: it zero-extends 32 bits by an `and` with -1
// not: bpf-gcc -mcpu=v2 -O1: it zero-extends 32 bits by an `and` with -1
#include "test.h"

static noinline u32 total(const u32 *a, u32 n) {
    u32 s = 0;
    for (u32 i = 0; i < n; i++) s = s * 31 + a[i];
    return s;
}

static noinline void reverse(u32 *a, u32 n) {
    for (u32 i = 0; i < n / 2; i++) {
        u32 t = a[i];
        a[i] = a[n - 1 - i];
        a[n - 1 - i] = t;
    }
}

u64 run(u8 *mem, u64 len) {
    u32 a[32];
    u8 count[64];
    for (int i = 0; i < 32; i++) a[i] = ((u32 *)mem)[i];
    for (int i = 0; i < 64; i++) count[i] = (u8)i;
    for (u64 i = 0; i < len; i++) count[mem[i] & 63]++;
    reverse(a, 32);
    u64 h = total(a, 32);
    reverse(a + 3, 11);
    h = mix(h, total(a, 20));
    for (int i = 0; i < 64; i++) h = mix(h, count[i]);
    return h;
}
