// 64-bit constants: each needs two slots, unless it is a sign-extended 32-bit one.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

static noinline u64 pick(u32 n) {
    switch (n) {
    case 0: return 0x7fffffffull;
    case 1: return 0x80000000ull;
    case 2: return 0xffffffff80000000ull;
    case 3: return 0xffffffff7fffffffull;
    case 4: return 0xffffffffull;
    case 5: return 0x100000000ull;
    case 6: return 0x123456789abcdef0ull;
    case 7: return 0x8000000000000000ull;
    case 8: return 0xfedcba9876543210ull;
    case 9: return 0x00000001ffffffffull;
    case 10: return (u64)-1;
    default: return 0xdeadbeefcafef00dull;
    }
}

u64 run(u8 *mem, u64 len) {
    u64 h = len, *q = (u64 *)mem;
    for (u32 i = 0; i < 12; i++) {
        h = mix(h, pick(i));
        q[i] = pick(11 - i);
    }
    q[12] = 0x1122334455667788ull;
    q[13] = 0xffffffffffff1234ull;
    ((u32 *)q)[28] = 0xfffffffe;
    ((u16 *)q)[58] = 0xfffe;
    mem[118] = 0xfe;
    return h;
}
