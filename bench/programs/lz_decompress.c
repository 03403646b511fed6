// An LZ77 decoder in the manner of LZ4: tokens, literal runs, matches that may overlap themselves.
// input: random 131072
#include "prog.h"

uint64_t run(uint8_t *mem, uint64_t len) {
    const uint8_t *in = mem, *in_end = mem + len / 4;
    uint8_t *out = mem + len / 4, *begin = out, *end = mem + len;
    while (in + 20 < in_end && out + 64 < end) {
        uint8_t token = *in++;
        uint32_t literals = token >> 5, match = 4 + (token & 31);
        for (uint32_t i = 0; i < literals; i++) *out++ = *in++;
        uint64_t distance = 1 + (in[0] | (uint64_t)(in[1] & 3) << 8);
        in += 2;
        if (distance > (uint64_t)(out - begin)) continue;
        const uint8_t *from = out - distance;
        for (uint32_t i = 0; i < match; i++) *out++ = *from++;
    }
    uint64_t h = (uint64_t)(out - begin);
    for (const uint8_t *p = begin; p + 8 <= out; p += 8) h = h * 31 + load64(p);
    return h;
}
