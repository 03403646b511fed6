// The entry itself is outside .text, and calls into .text.
#include "test.h"

static noinline u64 first(u64 x) { return x * 11; }
noinline u64 second(u64 x, u64 y) { return first(x) - y; }

SECTION("entry") static noinline u64 neighbour(u64 x) { return x + 5; }

SECTION("entry") u64 run(u8 *mem, u64 len) { return second(neighbour(mem[3]), len) + first(len); }
