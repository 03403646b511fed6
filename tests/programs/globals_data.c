// Initialized globals in .data, read and written, of every width.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

u8 g8 = 8;
u16 g16 = 1616;
u32 g32 = 0x32323232;
u64 g64 = 0x6464646464646464ull;
s32 negative = -5;
u32 table[6] = {1, 2, 3, 4, 5, 6};
struct { u8 a; u64 b; u16 c; } record = {1, 2, 3};

u64 run(u8 *mem, u64 len) {
    u64 h = mix(g8 + g16, g32 ^ g64);
    h = mix(h, (u64)(s64)negative);
    for (int i = 0; i < 6; i++) h = mix(h, table[i]);
    h = mix(h, record.a + record.b + record.c);
    g8 += mem[0];
    g16 -= mem[1];
    g32 *= 3;
    g64 ^= len;
    negative -= mem[2];
    table[mem[3] % 6] = g32;
    record.b = g64;
    for (int i = 0; i < 6; i++) h = mix(h, table[i]);
    h = mix(h, mix(g8, g16) ^ mix(g32, g64) ^ (u64)(s64)negative ^ record.b);
    g8 = 8, g16 = 1616, g32 = 0x32323232, g64 = 0x6464646464646464ull, negative = -5, record.b = 2;
    for (u32 i = 0; i < 6; i++) table[i] = i + 1;
    return h;
}
