// Uninitialized globals start as zero.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

static u64 counter;
u32 histogram[16];
static u8 seen[64];
struct { u32 a; u64 b[4]; } state;

u64 run(u8 *mem, u64 len) {
    u64 h = counter | state.a | state.b[3] | seen[63];
    for (int i = 0; i < 16; i++) h |= histogram[i];
    h = mix(h, len); // h was 0
    for (u64 i = 0; i < len; i++) {
        histogram[mem[i] & 15]++;
        seen[mem[i] & 63] |= 1 << (mem[i] & 7);
        counter += mem[i];
        state.b[i & 3] ^= counter;
        state.a++;
    }
    for (int i = 0; i < 16; i++) h = mix(h, histogram[i]);
    for (int i = 0; i < 64; i++) h = mix(h, seen[i]);
    h = mix(h, counter + state.a + state.b[0] + state.b[3]);
    for (int i = 0; i < 16; i++) histogram[i] = (u32)(i & 0);
    for (int i = 0; i < 64; i++) seen[i] = (u8)(i & 0);
    for (int i = 0; i < 4; i++) state.b[i] = (u64)(i & 0);
    counter = 0;
    state.a = 0;
    return h;
}
