// Signed bit-fields extend their sign.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

struct s {
    s32 a : 3, b : 11, c : 18;
    s64 d : 40, e : 24;
    s8 f : 5;
    u8 g : 3;
};

u64 run(u8 *mem, u64 len) {
    struct s *p = (struct s *)mem;
    s64 sum = (s64)len;
    for (int i = 0; i < 8; i++) {
        sum = (s64)mix((u64)sum, (u64)(s64)p[i].a);
        sum += p[i].b;
        sum ^= p[i].c;
        sum += p[i].d - p[i].e;
        sum += p[i].f * p[i].g;
        p[i].a = (s32)sum & 3;
        p[i].b = -i;
        p[i].d = -(s64)p[i].e;
        p[i].f = (s8)(i - 4);
        sum -= p[i].b * 3 + p[i].f;
    }
    return (u64)sum;
}
