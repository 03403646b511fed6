// Maps of BTF, one of them with initial values.

#define SEC(name) __attribute__((section(name), used))
#define __uint(name, val) int(*name)[val]
#define __type(name, val) val *name
#define __array(name, val) __typeof__(val) *name[]

struct {
    __uint(type, 1);
    __uint(max_entries, 8);
    __type(key, int);
    __type(value, long);
} counts SEC(".maps"), unused SEC(".maps");

SEC("socket") int tail(void *ctx) {
    return 0;
}

struct {
    __uint(type, 3);
    __uint(max_entries, 4);
    __uint(key_size, 4);
    __array(values, int(void *));
} progs SEC(".maps") = {.values = {[2] = tail}};

long lookup(void *map, const void *key);

SEC("xdp") int prog(void *ctx) {
    int key = 1;
    return lookup(&counts, &key) + lookup(&progs, &key);
}
