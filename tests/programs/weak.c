// Weak and hidden functions and data with definitions, and aliases by call.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

__attribute__((weak)) u64 setting = 17;
__attribute__((weak)) const u32 limit = 40;
__attribute__((weak, __noinline__)) u64 hook(u64 x) { return x + setting; }
__attribute__((visibility("hidden"), __noinline__)) u64 hidden(u64 x) { return x * limit; }
__attribute__((visibility("hidden"))) u64 hidden_data = 5;

static noinline u64 caller(u64 x) { return hook(x) ^ hidden(x); }

u64 run(u8 *mem, u64 len) {
    u64 h = len;
    for (int i = 0; i < 16; i++) h = mix(h, caller(mem[i]) + hidden_data);
    return h;
}
