// Many values live across calls: r6 to r9 and the stack keep them.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

static noinline u64 clobber(u64 a, u64 b) {
    u64 c = a * 3, d = b * 5, e = c ^ d, f = e + a, g = f - b;
    for (int i = 0; i < 3; i++) {
        c += d; d ^= e; e -= f; f *= 3; g += c;
    }
    return c + d + e + f + g;
}

u64 run(u8 *mem, u64 len) {
    u64 a = mem[0], b = mem[1], c = mem[2], d = mem[3], e = mem[4], f = mem[5], g = mem[6], h = len;
    for (int i = 0; i < 8; i++) {
        a += clobber(b, c);
        b ^= clobber(c, d);
        c += clobber(d, e);
        d -= clobber(e, f);
        e += clobber(f, g);
        f ^= clobber(g, h);
        g += clobber(h, a);
        h = mix(h, clobber(a, b));
    }
    return a ^ b * 3 ^ c * 5 ^ d * 7 ^ e * 11 ^ f * 13 ^ g * 17 ^ h;
}
