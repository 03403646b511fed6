// Pointers as initial values: to scalars, into arrays, to struct fields, to other pointers.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

static u32 x = 5;
static u32 array[8] = {10, 11, 12, 13, 14, 15, 16, 17};
static struct { u8 a; u32 b[3]; u64 c; } record = {1, {2, 3, 4}, 5};
static const u16 constants[] = {100, 200, 300};
static u64 zeroed[4];

static u32 *px = &x;
static u32 **ppx = &px;
static u32 *middle = &array[3];
static u32 *past = array + 8;
static u32 *field = &record.b[2];
static u64 *wide = &record.c;
static const u16 *constant = &constants[1];
static u64 *zero = &zeroed[2];
static void *nothing = 0;
u32 *const fixed[3] = {&x, &array[7], &record.b[0]};

u64 run(u8 *mem, u64 len) {
    u64 h = len;
    x += mem[0];
    h = mix(h, *px + **ppx);
    h = mix(h, middle[-2] + middle[4]);
    h = mix(h, past[-1]);
    h = mix(h, *field + *wide);
    h = mix(h, constant[1] + constant[-1]);
    h = mix(h, *zero);
    *zero = h;
    h = mix(h, zeroed[2]);
    h = mix(h, nothing == 0);
    for (int i = 0; i < 3; i++) h = mix(h, *fixed[i]);
    h = mix(h, (u64)(past - middle));
    *ppx = &array[mem[1] & 7]; // a pointer in data may change
    h = mix(h, *px);
    px = &x, x = 5, *zero = 0;
    return h;
}
