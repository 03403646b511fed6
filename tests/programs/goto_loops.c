// Loops made of goto: two entries, jumps out of the middle, backwards and forwards.
// not: bpf-gcc -mcpu=v1: it makes b >= a of a < b
#include "test.h"

u64 run(u8 *mem, u64 len) {
    u64 h = 0, i = 0, j;
    if (mem[0] & 1) goto inside;
again:
    h = h * 3 + i;
inside:
    if (i >= len) goto out;
    h ^= mem[i++];
    if (h & 0x10) goto again;
    j = h & 7;
inner:
    if (!j) goto again;
    h += j--;
    if (h % 11 == 3) goto skip;
    goto inner;
skip:
    i++;
    if (h & 1) goto again;
    goto inside;
out:
    return h;
}
