// Hashes and checksums: what keys, packets and stack traces are folded with.
#include "corpus.h"

// random: FNV-1a, 64 bit
u64 fnv1a(u8 *mem, u64 len) {
    u64 h = 0xcbf29ce484222325ull;
    for (u64 i = 0; i < len; i++) {
        h ^= mem[i];
        h *= 0x100000001b3ull;
    }
    return h;
}

// random: four lanes of 64 bits, folded at the end
u64 xxh_lanes(u8 *mem, u64 len) {
    const u64 p1 = 0x9e3779b185ebca87ull, p2 = 0xc2b2ae3d27d4eb4full;
    u64 a = p1 + p2, b = p2, c = 0, d = 0 - p1;
    u64 *word = (u64 *)mem;
    for (u64 i = 0; i + 4 <= len / 8; i += 4) {
        a = rotl64(a + word[i] * p2, 31) * p1;
        b = rotl64(b + word[i + 1] * p2, 31) * p1;
        c = rotl64(c + word[i + 2] * p2, 31) * p1;
        d = rotl64(d + word[i + 3] * p2, 31) * p1;
    }
    u64 h = rotl64(a, 1) + rotl64(b, 7) + rotl64(c, 12) + rotl64(d, 18);
    h ^= h >> 33;
    h *= p2;
    return h ^ (h >> 29);
}

inlined void jenkins_mix(u32 *a, u32 *b, u32 *c) {
    *a -= *c; *a ^= rotl32(*c, 4); *c += *b;
    *b -= *a; *b ^= rotl32(*a, 6); *a += *c;
    *c -= *b; *c ^= rotl32(*b, 8); *b += *a;
    *a -= *c; *a ^= rotl32(*c, 16); *c += *b;
    *b -= *a; *b ^= rotl32(*a, 19); *a += *c;
    *c -= *b; *c ^= rotl32(*b, 4); *b += *a;
}

// random: Jenkins' lookup3 over twelve bytes a step, the tail by a switch that falls through
u64 jenkins(u8 *mem, u64 len) {
    u32 left = (u32)len - 5, a = 0xdeadbeef + left, b = a, c = a;
    u8 *k = mem;
    while (left > 12) {
        a += get32(k);
        b += get32(k + 4);
        c += get32(k + 8);
        jenkins_mix(&a, &b, &c);
        left -= 12;
        k += 12;
    }
    switch (left) {
    case 12: c += (u32)k[11] << 24; __attribute__((fallthrough));
    case 11: c += (u32)k[10] << 16; __attribute__((fallthrough));
    case 10: c += (u32)k[9] << 8; __attribute__((fallthrough));
    case 9: c += k[8]; __attribute__((fallthrough));
    case 8: b += (u32)k[7] << 24; __attribute__((fallthrough));
    case 7: b += (u32)k[6] << 16; __attribute__((fallthrough));
    case 6: b += (u32)k[5] << 8; __attribute__((fallthrough));
    case 5: b += k[4]; __attribute__((fallthrough));
    case 4: a += (u32)k[3] << 24; __attribute__((fallthrough));
    case 3: a += (u32)k[2] << 16; __attribute__((fallthrough));
    case 2: a += (u32)k[1] << 8; __attribute__((fallthrough));
    case 1: a += k[0];
    }
    c ^= b; c -= rotl32(b, 14);
    a ^= c; a -= rotl32(c, 11);
    b ^= a; b -= rotl32(a, 25);
    return ((u64)c << 32) | b;
}

struct sip { u64 v0, v1, v2, v3; };

inlined void sip_round(struct sip *s) {
    s->v0 += s->v1; s->v1 = rotl64(s->v1, 13); s->v1 ^= s->v0; s->v0 = rotl64(s->v0, 32);
    s->v2 += s->v3; s->v3 = rotl64(s->v3, 16); s->v3 ^= s->v2;
    s->v0 += s->v3; s->v3 = rotl64(s->v3, 21); s->v3 ^= s->v0;
    s->v2 += s->v1; s->v1 = rotl64(s->v1, 17); s->v1 ^= s->v2; s->v2 = rotl64(s->v2, 32);
}

// random: SipHash-1-3 of the words behind a key of 16 bytes; its state is a struct
u64 siphash13(u8 *mem, u64 len) {
    u64 *word = (u64 *)mem;
    struct sip s = {
        0x736f6d6570736575ull ^ word[0], 0x646f72616e646f6dull ^ word[1],
        0x6c7967656e657261ull ^ word[0], 0x7465646279746573ull ^ word[1],
    };
    for (u64 i = 2; i < len / 8; i++) {
        s.v3 ^= word[i];
        sip_round(&s);
        s.v0 ^= word[i];
    }
    s.v2 ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

// random: CRC-32 without a table, bit by bit
u64 crc32_bits(u8 *mem, u64 len) {
    u32 crc = ~0u;
    for (u64 i = 0; i < len; i++) {
        crc ^= mem[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (0xedb88320 & (0 - (crc & 1)));
    }
    return ~crc;
}

// random: MurmurHash3, 32 bit
u64 murmur32(u8 *mem, u64 len) {
    u32 h = 0x9747b28c, *word = (u32 *)mem;
    for (u32 i = 0; i < len / 4; i++) {
        u32 k = word[i] * 0xcc9e2d51;
        h ^= rotl32(k, 15) * 0x1b873593;
        h = rotl32(h, 13) * 5 + 0xe6546b64;
    }
    h ^= (u32)len;
    h ^= h >> 16; h *= 0x85ebca6b;
    h ^= h >> 13; h *= 0xc2b2ae35;
    return h ^ (h >> 16);
}

// random: Adler-32, with the remainder put off to the end of each chunk
u64 adler32(u8 *mem, u64 len) {
    u32 a = 1, b = 0;
    for (u64 at = 0; at < len;) {
        u64 end = at + 1000 < len ? at + 1000 : len;
        for (; at < end; at++) {
            a += mem[at];
            b += a;
        }
        a %= 65521;
        b %= 65521;
    }
    return (b << 16) | a;
}

// random: fills the buffer by xorshift64*, seeded by what it held
u64 xorshift_fill(u8 *mem, u64 len) {
    u64 *word = (u64 *)mem, x = word[0] | 1, sum = 0;
    for (u64 i = 0; i < len / 8; i++) {
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        word[i] = x * 0x2545f4914f6cdd1dull;
        sum ^= word[i];
    }
    return sum;
}
