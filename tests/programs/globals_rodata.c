// Constant tables of every width, static and global, large and small.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

const u8 bytes[] = {1, 2, 3, 250, 251};
const u16 halves[7] = {100, 200, 300, 400, 500, 65535};
static const s16 signs[] = {-1, -300, 5, -32768};
static const u32 words[] = {0xdeadbeef, 0xcafebabe, 1, 2, 3, 4, 5, 6};
const u64 longs[] = {0x0123456789abcdefull, ~0ull, 1};
static const s8 small[2][3] = {{-1, -2, -3}, {4, 5, 6}};
static const struct { u8 key; u32 value; } pairs[] = {{1, 10}, {2, 20}, {3, 30}, {250, 2500}};
const double unused_float = 1.5;

static noinline u32 lookup(u8 key) {
    for (unsigned i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        // Keeps the loop a loop: clang 22 makes a table of it that v4 -O2 then refers to and never writes.
        __asm__ volatile("");
        if (pairs[i].key == key) return pairs[i].value;
    }
    return 0;
}

u64 run(u8 *mem, u64 len) {
    u64 h = len;
    for (int i = 0; i < 32; i++) {
        u8 m = mem[i];
        h = mix(h, bytes[m % 5] + halves[m % 7]);
        h = mix(h, (u64)(s64)signs[m % 4]);
        h = mix(h, words[m % 8] ^ longs[m % 3]);
        h = mix(h, (u64)(s64)small[m & 1][m % 3]);
        h = mix(h, lookup(bytes[m % 5]));
    }
    return h;
}
