// UTF-8 validation with code point extraction; the input mixes all lengths and some errors.
// input: utf8 32768
#include "prog.h"

uint64_t run(uint8_t *mem, uint64_t len) {
    uint64_t at = 0, chars = 0, errors = 0, h = 0;
    while (at < len) {
        uint32_t c = mem[at];
        uint32_t need, min;
        if (c < 0x80) {
            h += c;
            chars++;
            at++;
            continue;
        }
        if ((c & 0xe0) == 0xc0) need = 1, min = 0x80, c &= 0x1f;
        else if ((c & 0xf0) == 0xe0) need = 2, min = 0x800, c &= 0x0f;
        else if ((c & 0xf8) == 0xf0) need = 3, min = 0x10000, c &= 0x07;
        else {
            errors++;
            at++;
            continue;
        }
        uint64_t next = at + 1;
        while (need && next < len && (mem[next] & 0xc0) == 0x80) {
            c = c << 6 | (mem[next++] & 0x3f);
            need--;
        }
        if (need || c < min || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
            errors++;
            at++;
        } else {
            h = h * 31 + c;
            chars++;
            at = next;
        }
    }
    return h ^ (chars << 40) ^ (errors << 56);
}
