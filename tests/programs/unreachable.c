// A function with an end that is never reached. clang calls the kernel's __bpf_trap there, at -O0 and where a
// branch is left over: an undefined function that a loader has to know.
// imports: __bpf_trap
// not: bpf-gcc -O0: it jumps past the end of the function there
#include "test.h"

static noinline u32 only(u32 x) {
    switch (x & 3) {
    case 0: return 10;
    case 1: return 20;
    case 2: return 30;
    case 3: return 40;
    }
    __builtin_unreachable();
}

u64 run(u8 *mem, u64 len) {
    u64 h = len;
    for (int i = 0; i < 64; i++) h = mix(h, only(mem[i]));
    return h;
}
