// Map definitions of every form.
#define SEC(x) __attribute__((section(x), used))
#define __uint(name, val) int(*name)[val]
#define __type(name, val) __typeof__(val) *name
#define __array(name, val) __typeof__(val) *name[]
#define __ulong(name, val) enum { name##__value = val } name

struct key {
    unsigned a, b;
};

struct inner {
    __uint(type, 2);
    __uint(max_entries, 4);
    __type(key, int);
    __type(value, long);
};

struct inner inner1 SEC(".maps"), inner2 SEC(".maps");

struct {
    __uint(type, 1);
    __uint(max_entries, 1024);
    __uint(map_flags, 1);
    __uint(pinning, 1);
    __type(key, struct key);
    __type(value, long[3]);
} counts SEC(".maps");

struct {
    __uint(type, 12);
    __uint(max_entries, 3);
    __uint(key_size, 4);
    __array(values, struct inner);
} outer SEC(".maps") = {.values = {&inner2, 0, &inner1}};

struct {
    __uint(type, 27);
    __uint(max_entries, 4096);
#ifdef __clang__ // gcc 12 has no 64-bit enumerations in BTF
    __ulong(map_extra, 1ull << 40);
#endif
} ring SEC(".maps");

int tail(void *ctx);

struct {
    __uint(type, 3);
    __uint(max_entries, 4);
    __uint(key_size, 4);
    __array(values, int(void *));
} progs SEC(".maps") = {.values = {[2] = tail}};

#define lookup ((void *(*)(void *, const void *))1)
#define delete ((long (*)(void *, const void *))3)

SEC("socket") int tail(void *ctx) { return 1; }

SEC("socket") int prog(void *ctx) {
    struct key key = {};
    long *value = lookup(&counts, &key);
    return value ? *value : delete(&outer, &key);
}
