// A walk over an implicit ternary tree by recursion, seven frames deep.
// input: random 16384
#include "prog.h"

static noinline uint64_t walk(const uint32_t *node, uint64_t count, uint64_t at, uint64_t depth) {
    if (at >= count || depth == 6) return depth;
    uint64_t sum = node[at];
    sum += walk(node, count, 3 * at + 1, depth + 1);
    sum ^= walk(node, count, 3 * at + 2, depth + 1) << 1;
    return sum + walk(node, count, 3 * at + 3, depth + 1) * 3;
}

uint64_t run(uint8_t *mem, uint64_t len) {
    const uint32_t *node = (const uint32_t *)mem;
    uint64_t h = 0;
    for (uint64_t root = 0; root < 24; root++) h = h * 31 + walk(node + root, len / 4 - root, 0, 0);
    return h;
}
