// A JSON tokenizer: counts tokens by kind, checks nesting, hashes strings and numbers.
// input: json 65536
#include "prog.h"

uint64_t run(uint8_t *mem, uint64_t len) {
    uint64_t at = 0, h = 0, depth = 0, deepest = 0, errors = 0;
    uint32_t strings = 0, numbers = 0, words = 0, marks = 0;
    while (at < len) {
        uint8_t c = mem[at++];
        if (c == ' ' || c == '\n' || c == '\t' || c == '\r') continue;
        if (c == '{' || c == '[') {
            if (++depth > deepest) deepest = depth;
            marks++;
        } else if (c == '}' || c == ']') {
            if (depth) depth--;
            else errors++;
            marks++;
        } else if (c == ',' || c == ':') {
            marks++;
        } else if (c == '"') {
            uint32_t s = 2166136261u;
            while (at < len && mem[at] != '"') {
                if (mem[at] == '\\') at++;
                if (at < len) s = (s ^ mem[at++]) * 16777619u;
            }
            at++;
            h += s;
            strings++;
        } else if (c == '-' || (c >= '0' && c <= '9')) {
            uint64_t v = c == '-' ? 0 : (uint64_t)(c - '0');
            while (at < len && ((mem[at] >= '0' && mem[at] <= '9') || mem[at] == '.' || mem[at] == 'e')) {
                v = v * 10 + mem[at++];
            }
            h ^= v;
            numbers++;
        } else if (c >= 'a' && c <= 'z') {
            while (at < len && mem[at] >= 'a' && mem[at] <= 'z') h = h * 3 + mem[at++];
            words++;
        } else {
            errors++;
        }
    }
    return h + strings + ((uint64_t)numbers << 12) + ((uint64_t)words << 24) + ((uint64_t)marks << 36) + (deepest << 52) + (errors << 58);
}
