// A loop whose body is longer than a 16-bit jump reaches.
// cpu: v4: gotol, the jump with 32 bits, came with it
// not: clang -O0: it lengthens no conditional jumps there, and stops with an error
// not: clang -O1: the same code as at -O2, and it takes seconds
// not: bpf-gcc: 16-bit jumps only
#include "test.h"

// Three slots each: a 64-bit constant and a store.
#define A(n) q[(n) & 7] = 0x100000001ull * ((n) + 1);
#define B(n) A(n) A(n + 1) A(n + 2) A(n + 3) A(n + 4) A(n + 5) A(n + 6) A(n + 7)
#define C(n) B(n) B(n + 8) B(n + 16) B(n + 24) B(n + 32) B(n + 40) B(n + 48) B(n + 56)
#define D(n) C(n) C(n + 64) C(n + 128) C(n + 192) C(n + 256) C(n + 320) C(n + 384) C(n + 448)
#define E(n) D(n) D(n + 512) D(n + 1024) D(n + 1536) D(n + 2048) D(n + 2560) D(n + 3072) D(n + 3584)

u64 run(u8 *mem, u64 len) {
    volatile u64 *q = (volatile u64 *)(mem + 64);
    u64 x = len;
    for (int i = 0; i < 3; i++) {
        if (mem[i] & 1) continue;
        E(0) E(4096) E(8192)
        x = mix(x, q[i]);
        if (x & 1) break;
    }
    return x;
}
