// Pointer differences, comparisons, negative indexes, arithmetic through integers.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

struct three { u8 b[3]; };
struct twelve { u32 a, b, c; };

u64 run(u8 *mem, u64 len) {
    u8 *begin = mem, *end = mem + len, *mid = begin + (end - begin) / 2;
    u64 h = (u64)(end - mid);
    struct three *t = (struct three *)begin, *t_end = t + len / 3;
    h = mix(h, (u64)(t_end - t));
    struct twelve *w = (struct twelve *)begin;
    h = mix(h, (u64)(&w[9].c - &w[2].a));
    h = mix(h, (u64)((u8 *)&w[5].b - begin));
    for (u8 *p = end; p-- > mid;) h = mix(h, *p);
    for (u8 *p = mid; p != end; p += 2) h = mix(h, p[-1]);
    u64 address = (u64)(unsigned long)mid;
    u8 *back = (u8 *)(unsigned long)(address + 4);
    h = mix(h, *back);
    h = mix(h, (mid > begin) + (mid < end) * 2 + (back >= end) * 4 + ((u64)(unsigned long)mid - (u64)(unsigned long)begin));
    int index = -5;
    return mix(h, mid[index] + t[7].b[2] + w[3].c);
}
