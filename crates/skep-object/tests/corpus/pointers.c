// Every way to refer to something, in code and in data.
extern int und[];
extern int other(int);
static __attribute__((noinline)) int h1(int x) { return x * 3; }
static __attribute__((noinline)) int h2(int x) { return h1(x) * 5; }
static __attribute__((noinline, section("far"))) int h3(int x) { return h1(x) * 7 + h2(x); }
static __attribute__((noinline, section("far"))) int h4(int x) { return h3(x) + h2(x); }
__attribute__((weak)) int weak_one(int x) { return x + 1; }
__attribute__((visibility("hidden"), noinline)) int hidden_one(int x) { return h2(x) - 1; }
int arr[4] = {1, 2, 3, 4};
static int local_arr[4] = {5, 6, 7, 8};
int zeros[10];
const char *text = "a string";
int *p = &arr[2];
int *q = &local_arr[3];
int *up = &und[3];
int (*volatile fp)(int) = h4;
int (*volatile wfp)(int) = weak_one;
int (*volatile ofp)(int) = other;

__attribute__((section("socket"))) int prog(void *ctx) {
    fp = h2;
    return h1(2) + h2(3) + h3(4) + h4(5) + weak_one(1) + hidden_one(2) + arr[2] + local_arr[1] + und[7] + other(3) + *p + zeros[3] + text[2];
}

__attribute__((section("socket"))) int prog2(void *ctx) { return hidden_one(1) + other((long)&arr[1]); }

char _license[] __attribute__((section("license"), used)) = "Dual MIT/GPL";
unsigned _version __attribute__((section("version"), used)) = 0x60c00;
