// An interpreter inside the interpreter: an accumulator machine with 16 operations run by a switch.
// input: random 1024
#include "prog.h"

uint64_t run(uint8_t *mem, uint64_t len) {
    uint8_t *code = mem;
    uint64_t n = len / 2;
    uint64_t *cells = (uint64_t *)(mem + n);
    uint64_t mask = len / 16 - 1, pc = 0, acc = 1, sp = 0, h = 0;
    for (uint32_t step = 0; step < 30000; step++) {
        uint8_t op = code[pc];
        uint64_t cell = (op >> 4) & mask;
        pc = pc + 1 < n ? pc + 1 : 0;
        switch (op & 15) {
        case 0: acc += cells[cell]; break;
        case 1: acc -= cells[cell]; break;
        case 2: acc *= cells[cell] | 1; break;
        case 3: acc ^= cells[cell]; break;
        case 4: acc = rotl64(acc, 1 + (unsigned)cell); break;
        case 5: cells[cell] = acc; break;
        case 6: acc = cells[cell]; break;
        case 7: cells[(32 + (sp++ & 15)) & mask] = acc; break;
        case 8: acc = cells[(32 + (--sp & 15)) & mask]; break;
        case 9: if (acc & 1) pc = (pc + cell) % n; break;
        case 10: acc = ~acc; break;
        case 11: acc = acc > cells[cell] ? acc : cells[cell]; break;
        case 12: h = h * 31 + acc; break;
        case 13: acc >>= cell & 7; break;
        case 14: acc += op; break;
        case 15: cells[cell]++; break;
        }
    }
    return h ^ acc;
}
