// Byte swaps of 16, 32 and 64 bits, network order both ways.
// not: bpf-gcc: it calls __bswapsi2 and __bswapdi2
#include "test.h"

u64 run(u8 *mem, u64 len) {
    u64 h = len;
    for (int i = 0; i < 16; i++) {
        u64 x = ((u64 *)mem)[i];
        h = mix(h, __builtin_bswap64(x));
        h = mix(h, __builtin_bswap32((u32)x));
        h = mix(h, __builtin_bswap16((u16)x));
        h = mix(h, (u64)(s64)(s16)__builtin_bswap16((u16)x));
        h = mix(h, (u64)(s64)(s32)__builtin_bswap32((u32)(x >> 13)));
        // By hand, as portable code does it.
        h = mix(h, (u32)mem[i] << 24 | (u32)mem[i + 1] << 16 | (u32)mem[i + 2] << 8 | mem[i + 3]);
        ((u64 *)mem)[i] = __builtin_bswap64(h);
        ((u16 *)mem)[4 * i] = __builtin_bswap16((u16)h);
    }
    return h;
}
