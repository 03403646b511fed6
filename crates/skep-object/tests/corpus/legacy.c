// Map definitions before BTF.
#define SEC(x) __attribute__((section(x), used))

struct bpf_map_def {
    unsigned type, key_size, value_size, max_entries, map_flags;
};

struct bpf_map_def first SEC("maps") = {1, 4, 8, 100, 1};
struct bpf_map_def second SEC("maps") = {2, 4, 16, 7};

#define lookup ((void *(*)(void *, const void *))1)

SEC("socket") int prog(void *ctx) {
    int key = 0;
    return lookup(&first, &key) != lookup(&second, &key);
}
