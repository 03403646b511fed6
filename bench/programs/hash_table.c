// An open-addressing hash table: inserts, hits, misses and deletions with tombstones.
// input: random 65536
#include "prog.h"

uint64_t run(uint8_t *mem, uint64_t len) {
    uint32_t *keys = (uint32_t *)mem;
    uint64_t *table = (uint64_t *)(mem + len / 2);
    uint64_t slots = len / 16, n = slots / 2, h = 0, steps = 0;
    for (uint64_t i = 0; i < slots; i++) {
        table[i] = 0;
        __asm__ volatile("" ::: "memory"); // else the loop becomes a call of memset, and there is no libc
    }
    for (uint64_t i = 0; i < n; i++) {
        uint32_t key = keys[i] | 1;
        uint64_t at = (key * 2654435761u) >> 16 & (slots - 1);
        while (table[at] && (uint32_t)table[at] != key) at = (at + 1) & (slots - 1), steps++;
        table[at] = (uint64_t)i << 32 | key;
    }
    for (uint64_t round = 0; round < 6; round++)
        for (uint64_t i = 0; i < n; i++) {
            uint32_t key = (keys[(i * 7 + round) & (n - 1)] | 1) ^ (i & 4 ? 2 : 0);
            uint64_t at = (key * 2654435761u) >> 16 & (slots - 1);
            while (table[at] && (uint32_t)table[at] != key) at = (at + 1) & (slots - 1), steps++;
            if (!table[at]) continue;
            h = h * 31 + (table[at] >> 32);
            if ((h & 15) == 0) table[at] = 2; // a tombstone: no key is even
        }
    return h + steps;
}
