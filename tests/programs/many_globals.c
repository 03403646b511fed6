// Hundreds of functions and variables: large symbol tables and offsets.
// not: bpf-gcc -mcpu=v1 -O1: it zero-extends 32 bits by an `and` with -1
// not: bpf-gcc -mcpu=v1 -O2: it zero-extends 32 bits by an `and` with -1
// not: bpf-gcc -mcpu=v2 -O1: it zero-extends 32 bits by an `and` with -1
// not: bpf-gcc -mcpu=v2 -O2: it zero-extends 32 bits by an `and` with -1
#include "test.h"

#define V(n) static u32 v##n = n * 7 + 1; static noinline u32 f##n(u32 x) { return x * v##n + n; }
#define V8(n) V(n##0) V(n##1) V(n##2) V(n##3) V(n##4) V(n##5) V(n##6) V(n##7)
#define CALL(n) h = f##n(h); v##n = v##n + 0;
#define CALL8(n) CALL(n##0) CALL(n##1) CALL(n##2) CALL(n##3) CALL(n##4) CALL(n##5) CALL(n##6) CALL(n##7)

V8(1) V8(2) V8(3) V8(4) V8(5) V8(6) V8(7) V8(8) V8(9) V8(11) V8(12) V8(13) V8(14) V8(15) V8(16) V8(17)

u64 run(u8 *mem, u64 len) {
    u32 h = (u32)len + mem[0];
    CALL8(1) CALL8(2) CALL8(3) CALL8(4) CALL8(5) CALL8(6) CALL8(7) CALL8(8)
    CALL8(9) CALL8(11) CALL8(12) CALL8(13) CALL8(14) CALL8(15) CALL8(16) CALL8(17)
    return h;
}
