// volatile: each access happens, in order and width.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

static volatile u32 port;
static volatile u8 narrow_port;

u64 run(u8 *mem, u64 len) {
    volatile u16 *p = (volatile u16 *)mem;
    u64 h = len;
    port = 1;
    port = port + port * 4;
    narrow_port = 255;
    narrow_port++;
    for (int i = 0; i < 8; i++) {
        u16 a = *p;
        u16 b = *p;
        p[1] = (u16)(a + b);
        p[1] = (u16)(p[1] + 1);
        h = mix(h, p[1] + port + narrow_port);
        p++;
    }
    volatile int local = 3;
    while (local) local--;
    return mix(h, (u64)local);
}
