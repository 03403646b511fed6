// What the test programs share. No libc: bare targets have no headers.
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
#define SECTION(name) __attribute__((section(name)))

// Adds a value to a checksum; order matters.
static inline u64 mix(u64 h, u64 v) { return (h ^ v) * 0x100000001b3ull + (h >> 29); }

u64 run(u8 *mem, u64 len);
