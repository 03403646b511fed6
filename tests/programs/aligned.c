// Data with its own alignment; addresses are as aligned as asked.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

static u8 lead = 1;
static _Alignas(64) u8 line[64] = {7, 8, 9};
static u8 between = 2;
static _Alignas(16) const u32 quad[4] = {1, 2, 3, 4};
static _Alignas(8) u8 zeros[24];

u64 run(u8 *mem, u64 len) {
    u64 h = len + lead + between;
    h = mix(h, (u64)(unsigned long)line & 63);
    h = mix(h, (u64)(unsigned long)quad & 15);
    h = mix(h, (u64)(unsigned long)zeros & 7);
    line[mem[0] & 63] += mem[1];
    *(u64 *)&zeros[8] = h;
    for (int i = 0; i < 64; i++) h = mix(h, line[i]);
    line[mem[0] & 63] -= mem[1];
    h = mix(h, quad[mem[2] & 3] + zeros[9]);
    *(u64 *)&zeros[8] = 0;
    return h;
}
