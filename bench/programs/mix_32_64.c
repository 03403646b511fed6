// 32-bit and 64-bit values that meet: sign and zero extensions, wide products, narrow sums.
// input: random 65536
#include "prog.h"

uint64_t run(uint8_t *mem, uint64_t len) {
    const int32_t *v = (const int32_t *)mem;
    uint64_t wide = 0, h = 0;
    int64_t sum = 0;
    uint32_t narrow = 1;
    for (uint64_t i = 0; i + 1 < len / 4; i++) {
        int32_t a = v[i], b = v[i + 1];
        sum += (int64_t)a * b;
        wide += (uint64_t)(uint32_t)a * narrow;
        narrow = narrow * 69069 + (uint32_t)(wide >> 32);
        h ^= (uint64_t)(int64_t)(int16_t)a + ((uint64_t)(uint32_t)b << (narrow & 15));
        h += (uint64_t)(a >> (b & 31)) ^ (uint8_t)sum;
    }
    return h ^ wide ^ (uint64_t)sum ^ narrow;
}
