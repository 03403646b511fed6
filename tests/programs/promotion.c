// Integer promotion: narrow operands compute as int, assignments cut again.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

u64 run(u8 *mem, u64 len) {
    u8 a = 200, b = 100;
    s8 c = -100;
    u16 d = 65535;
    s16 e = 32767;
    u64 h = len;
    for (int i = 0; i < 32; i++) {
        u8 m = mem[i];
        h = mix(h, (u64)(s64)(a + b));
        h = mix(h, (u64)(s64)(~m));
        h = mix(h, (u64)(s64)(m - a));
        h = mix(h, (u64)(s64)(c * m));
        a += m;
        b -= m;
        c = (s8)(c * 3 + m);
        d = (u16)(d << 1 ^ m);
        e = (s16)(e - m * 7);
        a++;
        d--;
        h = mix(h, a + b);
        h = mix(h, (u64)(s64)(c + e) + d);
        h = mix(h, (u64)(d > e) + (u64)((u8)~a == 255 - a));
    }
    return h;
}
