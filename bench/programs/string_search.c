// Horspool's string search: many needles taken from the text itself, a skip table in the buffer.
// input: text 8192
#include "prog.h"

uint64_t run(uint8_t *mem, uint64_t len) {
    uint8_t *skip = mem, *text = mem + 256;
    uint64_t n = len - 256, h = 0;
    for (uint64_t pick = 0; pick < 6; pick++) {
        const uint8_t *needle = text + n - 16 - pick * 97;
        uint64_t m = 4 + pick, found = 0;
        for (unsigned c = 0; c < 256; c++) skip[c] = (uint8_t)m;
        for (uint64_t i = 0; i + 1 < m; i++) skip[needle[i]] = (uint8_t)(m - 1 - i);
        uint64_t at = 0;
        while (at + m <= n) {
            uint64_t k = m;
            while (k && text[at + k - 1] == needle[k - 1]) k--;
            if (!k) {
                found++;
                h = h * 31 + at;
            }
            at += skip[text[at + m - 1]];
        }
        h += found << 48;
    }
    return h;
}
