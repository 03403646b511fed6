// Whatever code and data of one object can refer to.

#define SEC(name) __attribute__((section(name), used))
#define NOINLINE __attribute__((noinline))

extern int hash(int x);
extern int maybe(int x) __attribute__((weak));
extern int limit;

int counter;
int start = 7;
static int table[4] = {1, 2, 3, 4};
int *volatile third = &table[2];
static const char first_name[] = "first", second_name[] = "second";
const char *const names[2] = {first_name, second_name};

static NOINLINE int twice(int x) {
    asm volatile("" : "+r"(x));
    return x * 2 + counter;
}

static NOINLINE int inc(int x) {
    asm volatile("" : "+r"(x));
    return x + 1;
}

NOINLINE int visible(int x) {
    asm volatile("" : "+r"(x));
    return twice(x) + limit;
}

SEC(".text.other") NOINLINE int other(int x) {
    asm volatile("" : "+r"(x));
    return x + 1000;
}

NOINLINE static int unused(int x);

int (*volatile operation)(int) = inc;

SEC("xdp") int prog(int *ctx) {
    const char *const *volatile name = names;
    int (*volatile indirect)(int) = other;
    counter += start;
    (void)indirect;
    return visible(ctx[0]) + twice(ctx[1]) + hash(ctx[2]) + other(ctx[3]) + (maybe ? maybe(1) : 0) + **name + *third;
}

SEC("BEGIN") static int begin(void) {
    return twice(start);
}

static int unused(int x) {
    asm volatile("" : "+r"(x));
    return hash(x);
}

char _license[] SEC("license") = "GPL";
