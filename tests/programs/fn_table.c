// A table of function pointers: calls through a register.
// uses: callx
// not: bpf-gcc: no indirect calls
#include "test.h"

static u64 add(u64 a, u64 b) { return a + b; }
static u64 sub(u64 a, u64 b) { return a - b; }
static u64 mul(u64 a, u64 b) { return a * b; }
static u64 xor(u64 a, u64 b) { return a ^ b; }

typedef u64 (*op)(u64, u64);
static const op ops[] = {add, sub, mul, xor};

struct named { u32 id; op call; };
static struct named list[] = {{7, mul}, {8, add}, {9, 0}};

u64 run(u8 *mem, u64 len) {
    u64 h = len;
    for (int i = 0; i < 32; i++) h = mix(h, ops[mem[i] & 3](h, mem[i]));
    for (int i = 0; i < 3; i++)
        if (list[i].call) h = list[i].call(h, list[i].id);
    list[2].call = sub;
    h = list[2].call(h, 5);
    list[2].call = 0;
    return h;
}
