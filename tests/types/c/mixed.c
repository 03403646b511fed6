/* The C side of a program in C and Rust. */

typedef unsigned int u32;
typedef unsigned long u64;

#define noinline __attribute__((noinline, used))

struct list_head {
    struct list_head *next, *prev;
};

/* A type of the same name as one of Rust's modules, and one as another type is spelled. */
struct kernel {
    struct list_head list;
    u32 state;
};

struct kernel__State {
    u64 what;
};

/* C has these names too. */
typedef signed char i8;
typedef unsigned char u8;
typedef unsigned long usize;

struct mixed {
    u8 a;
    i8 b;
    usize c;
    _Bool d;
    char e;
    struct kernel kernel;
    struct kernel__State spelled;
    struct device *device;
};

u32 global = 3;
struct mixed mixed;
u64 c_per_cpu __attribute__((section(".data..percpu"), used)) = 4;

extern int rust_init(struct device *device, int code);
extern u64 rust_areas(u32 which);
extern u32 rust_small(unsigned char state);

noinline int simple(int a, u32 b) {
    return a + (int)b;
}

noinline u64 uses_rust(struct mixed *mixed, u32 which) {
    return (u64)rust_init(mixed->device, (int)which) + rust_areas(which) + rust_small(mixed->a) + rust_small(4);
}

int main(int argc, char **argv) {
    (void)argv;
    return (int)uses_rust(&mixed, (u32)argc) + (int)c_per_cpu;
}
