// Dense switches, which become jump tables with -mcpu=v4, and addresses of labels.

int hash(int x);

#define CASES(N)                                                                                                       \
    switch (a) {                                                                                                       \
    case 0: return b * 3 + N; case 1: return b + 7; case 2: return b ^ 5; case 3: return b - 9; case 4: return hash(b);  \
    case 5: return b / 3; case 6: return b - 6; case 7: return b % 11; case 8: return b << 2; case 9: return b >> 3;     \
    case 10: return b | 4; case 11: return b & 6; case 12: return b * b; case 13: return -b; case 14: return ~b;         \
    case 15: return b + 100; case 16: return b / 5; case 17: return b * 17; case 18: return b * 19; case 19: return b * 2; \
    case 20: return b ^ 99; case 21: return b + 21; case 22: return b + b * 7; case 23: return b - 77;                    \
    case 24: return b * 1234; case 25: return b / 9; case 26: return b % 13; case 27: return hash(b) + N;               \
    case 28: return b * b * b; case 29: return b + 29;                                                                 \
    }                                                                                                                  \
    return 42;

__attribute__((noinline)) static int first(int a, int b) { CASES(1) }
__attribute__((noinline)) static int second(int a, int b) { CASES(2) }
__attribute__((always_inline)) static inline int inlined(int a, int b) { CASES(3) }

int both(int a, int b) { return first(a, b) + second(b, a) + inlined(a, b) + inlined(b, a); }

#ifdef LABELS
int labels(int a, int b) {
    static const void *const to[] = {&&add, &&mul, &&flip};
    goto *to[a];
add:
    b += 5;
mul:
    b *= 7;
flip:
    return b ^ 9;
}
#endif
