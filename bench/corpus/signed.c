// Signed division and narrow signed values: only from -mcpu=v4 on does clang compile them.
// cpu: v4
#include "corpus.h"

// random: quotients and remainders of signed numbers, 32 and 64 bits
u64 signed_division(u8 *mem, u64 len) {
    s64 sum = 0;
    for (u64 at = 0; at + 16 <= len; at += 16) {
        s64 a = *(s64 *)(mem + at);
        s32 b = *(s32 *)(mem + at + 8) | 1;
        s32 c = *(s32 *)(mem + at + 12);
        sum += a / b + a % b;
        sum ^= c / 7 + c % 10;
    }
    return (u64)sum;
}

// random: fixed-point average of signed bytes and halves
u64 signed_average(u8 *mem, u64 len) {
    s32 slow = 0;
    s16 fast = 0;
    for (u64 at = 0; at + 4 <= len; at += 4) {
        s8 small = (s8)mem[at];
        s16 sample = *(s16 *)(mem + at + 2);
        slow += (sample - slow) / 16;
        fast = (s16)((fast * 3 + small) / 4);
    }
    return ((u64)(u32)slow << 16) | (u16)fast;
}

// random: 32-bit mixing with rotates, signed shifts and compares
u64 signed_mix(u8 *mem, u64 len) {
    s32 a = 0x1234567, b = -77;
    for (u64 i = 0; i < len / 4; i++) {
        s32 x = ((s32 *)mem)[i];
        a = (s32)(rotl32((u32)(a ^ x), 7) - (u32)(b >> 5));
        b = (s32)((u32)b + (u32)(a < x ? x >> 3 : -(a >> 2)));
        if (b < -1000000000)
            b /= 3;
    }
    return ((u64)(u32)a << 32) | (u32)b;
}
