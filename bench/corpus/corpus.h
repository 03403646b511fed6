// What the corpus functions share: integer types, unaligned access, byte order. No libc.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long long s64;

#define noinline __attribute__((noinline))
#define inlined static inline __attribute__((always_inline))
#define packed __attribute__((packed))

struct packed unaligned16 { u16 v; };
struct packed unaligned32 { u32 v; };
struct packed unaligned64 { u64 v; };

inlined u16 get16(const void *p) { return ((const struct unaligned16 *)p)->v; }
inlined u32 get32(const void *p) { return ((const struct unaligned32 *)p)->v; }
inlined u64 get64(const void *p) { return ((const struct unaligned64 *)p)->v; }

inlined u16 net16(u16 x) { return __builtin_bswap16(x); }
inlined u32 net32(u32 x) { return __builtin_bswap32(x); }

inlined u32 rotl32(u32 x, u32 r) { return (x << r) | (x >> (32 - r)); }
inlined u64 rotl64(u64 x, u32 r) { return (x << r) | (x >> (64 - r)); }
