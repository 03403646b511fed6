// Bits and numbers: extremes, roots, packing, byte order.
#include "corpus.h"

// random: counts ones by masks, zeros in front by halves
u64 bit_counts(u8 *mem, u64 len) {
    u64 ones = 0, front = 0;
    for (u64 i = 0; i < len / 8; i++) {
        u64 x = ((u64 *)mem)[i];
        u64 v = x - ((x >> 1) & 0x5555555555555555ull);
        v = (v & 0x3333333333333333ull) + ((v >> 2) & 0x3333333333333333ull);
        v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0full;
        ones += (v * 0x0101010101010101ull) >> 56;
        u32 w = (u32)x >> (x >> 59), n = 0;
        if (!(w & 0xffff0000)) { n += 16; w <<= 16; }
        if (!(w & 0xff000000)) { n += 8; w <<= 8; }
        if (!(w & 0xf0000000)) { n += 4; w <<= 4; }
        if (!(w & 0xc0000000)) { n += 2; w <<= 2; }
        front += n + !(w & 0x80000000);
    }
    return (ones << 32) | front;
}

#define ORDER(i, j) \
    if (v[i] > v[j]) { \
        u32 t = v[i]; \
        v[i] = v[j]; \
        v[j] = t; \
    }

// random: sorts six words by a network
u64 sort_network(u8 *mem, u64 len) {
    u64 sum = 0;
    for (u64 at = 0; at + 24 <= len; at += 24) {
        u32 *v = (u32 *)(mem + at);
        ORDER(1, 2) ORDER(4, 5) ORDER(0, 2) ORDER(3, 5) ORDER(0, 1) ORDER(3, 4)
        ORDER(2, 5) ORDER(0, 3) ORDER(1, 4) ORDER(2, 4) ORDER(1, 3) ORDER(2, 3)
        sum += v[0] ^ v[5];
    }
    return sum;
}

// random: square roots, bit by bit
u64 square_roots(u8 *mem, u64 len) {
    u64 sum = 0;
    for (u64 i = 0; i < len / 8; i++) {
        u64 x = ((u64 *)mem)[i], root = 0, bit = 1ull << 62;
        while (bit > x)
            bit >>= 2;
        while (bit) {
            if (x >= root + bit) {
                x -= root + bit;
                root = (root >> 1) + bit;
            } else {
                root >>= 1;
            }
            bit >>= 2;
        }
        sum += root;
    }
    return sum;
}

// random: greatest common divisors of neighbours
u64 divisors(u8 *mem, u64 len) {
    u64 sum = 0;
    for (u64 i = 0; i + 1 < len / 4; i += 2) {
        u32 a = ((u32 *)mem)[i], b = ((u32 *)mem)[i + 1];
        while (b) {
            u32 rest = a % b;
            a = b;
            b = rest;
        }
        sum += a;
    }
    return sum;
}

// random: signed samples: clamp, distance, least and most
u64 clamp_extremes(u8 *mem, u64 len) {
    s32 least = 0x7fffffff, most = -0x7fffffff;
    u64 distance = 0;
    for (u64 i = 0; i + 1 < len / 4; i++) {
        s32 a = ((s32 *)mem)[i], b = ((s32 *)mem)[i + 1];
        s32 clamped = a < -1000000 ? -1000000 : a > 1000000 ? 1000000 : a;
        s64 gap = (s64)clamped - b;
        distance += (u64)(gap < 0 ? -gap : gap);
        least = clamped < least ? clamped : least;
        most = b > most ? b : most;
    }
    return distance + (u32)least + (u32)most;
}

inlined u32 add_saturated(u32 a, u32 b) { return a + b < a ? ~0u : a + b; }
inlined u32 sub_saturated(u32 a, u32 b) { return a > b ? a - b : 0; }

// random: sums that stop at the ends, in 8, 16 and 32 bits
u64 saturate(u8 *mem, u64 len) {
    u32 sum = 0, down = ~0u;
    u16 level = 0x8000;
    u8 small = 0;
    for (u64 i = 0; i < len / 4; i++) {
        u32 x = ((u32 *)mem)[i];
        sum = add_saturated(sum, x >> 9);
        down = sub_saturated(down, x >> 10);
        u32 next = level + (x & 0xfff);
        level = (u16)(next > 0xffff ? 0xffff : next);
        if (x & 0x1000)
            level /= 2;
        u8 more = (u8)(small + (x & 7));
        small = more < small ? 255 : more;
    }
    return ((u64)sum << 32) + down + ((u64)level << 8) + small;
}

// random: words of 16, 32 and 64 bits, unaligned and from the network
u64 byte_orders(u8 *mem, u64 len) {
    u64 sum = 0;
    for (u64 at = 0; at + 15 <= len; at += 15) {
        sum += net16(get16(mem + at));
        sum += net32(get32(mem + at + 2));
        sum ^= __builtin_bswap64(get64(mem + at + 7));
    }
    return sum;
}

struct fields { u32 kind : 3, level : 5, on : 1, count : 12; s32 delta : 11; };

// random: bit-fields read and written, one of them signed
u64 bit_fields(u8 *mem, u64 len) {
    u64 sum = 0;
    for (u64 i = 0; i < len / 4; i++) {
        struct fields *f = (struct fields *)mem + i;
        if (f->on) {
            f->count += f->level;
            f->kind ^= 5;
        } else {
            f->delta = -f->delta;
            f->on = 1;
        }
        sum += f->count + f->kind + (u64)(s64)f->delta;
    }
    return sum;
}

// random: numbers of 7 bits a byte, at most 10 bytes
u64 varints(u8 *mem, u64 len) {
    u64 sum = 0;
    for (u64 at = 0; at < len;) {
        u64 value = 0;
        for (u32 shift = 0; shift < 64 && at < len; shift += 7) {
            u8 byte = mem[at++];
            value |= (u64)(byte & 127) << shift;
            if (!(byte & 128))
                break;
        }
        sum = sum * 3 + ((value >> 1) ^ (0 - (value & 1)));
    }
    return sum;
}
