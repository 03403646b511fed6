// Run-length encoding of a sparse bitmap and back, with a check.
// input: text 65536
#include "prog.h"

uint64_t run(uint8_t *mem, uint64_t len) {
    uint64_t n = len / 4, h = 0;
    uint8_t *in = mem, *code = mem + n, *back = mem + 3 * n;
    for (uint64_t i = 0; i < n; i++) in[i] = in[i] == 'e' || in[i] == ' ';
    uint64_t used = 0;
    for (uint64_t i = 0; i < n;) {
        uint8_t c = in[i];
        uint64_t run = 1;
        while (i + run < n && run < 255 && in[i + run] == c) run++;
        code[used++] = (uint8_t)run;
        code[used++] = c;
        i += run;
    }
    uint64_t at = 0;
    for (uint64_t i = 0; i < used; i += 2)
        for (uint32_t k = code[i]; k; k--) back[at++] = code[i + 1] + (uint8_t)k;
    for (uint64_t i = 0; i < at; i++) h = h * 31 + back[i];
    return h ^ (used << 48);
}
