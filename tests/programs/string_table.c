// Tables of pointers to strings, in .data and in .rodata.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

static const char *const names[] = {"zero", "one", "two", "three", "four", "five", "six", "seven"};
static const char *mutable_names[] = {"alpha", "beta", "gamma", "alpha"};
static const struct { const char *name; u32 value; const char *more; } entries[] = {
    {"read", 1, "reads"}, {"write", 2, ""}, {"close", 3, "closes a thing"}, {0, 4, "end"},
};

static noinline u64 hash(const char *s) {
    u64 h = 5381;
    for (; *s; s++) h = h * 33 ^ (u8)*s;
    return h;
}

u64 run(u8 *mem, u64 len) {
    u64 h = len;
    for (int i = 0; i < 16; i++) {
        h = mix(h, hash(names[mem[i] & 7]));
        h = mix(h, hash(mutable_names[mem[i] & 3]));
        const int e = mem[i] & 3;
        h = mix(h, entries[e].name ? hash(entries[e].name) : 77);
        h = mix(h, hash(entries[e].more) + entries[e].value);
    }
    const char *first = mutable_names[0];
    mutable_names[0] = mutable_names[2];
    h = mix(h, hash(mutable_names[0]));
    mutable_names[0] = first;
    return h;
}
