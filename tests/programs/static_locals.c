// Static locals of the same name in different functions are different variables.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

static noinline u64 first(void) {
    static u64 count = 100;
    return count++;
}

static noinline u64 second(u64 by) {
    static u64 count;
    static const u8 steps[] = {1, 3, 5, 8};
    count += steps[by & 3];
    return count;
}

static noinline void reset(int *done) {
    static int times;
    *done = ++times;
    times = 0;
}

u64 run(u8 *mem, u64 len) {
    u64 h = len, start_first = first(), start_second = second(0);
    for (int i = 0; i < 10; i++) h = mix(h, first() - start_first + (second(mem[i]) - start_second) * 7);
    int done;
    reset(&done);
    return mix(h, (u64)done);
}
