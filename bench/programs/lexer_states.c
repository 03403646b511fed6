// A state machine over source text: strings, line and block comments, words, numbers.
// input: json 16384
#include "prog.h"

enum state { CODE, SLASH, LINE, BLOCK, BLOCK_STAR, STRING, ESCAPE, WORD, NUMBER, STATES };

uint64_t run(uint8_t *mem, uint64_t len) {
    uint32_t seen[STATES];
    for (int i = 0; i < STATES; i++) seen[i] = (uint32_t)i;
    enum state s = CODE;
    uint64_t turns = 0;
    for (uint64_t at = 0; at < len; at++) {
        uint8_t c = mem[at];
        enum state was = s;
        switch (s) {
        case WORD:
            if ((c >= 'a' && c <= 'z') || c == '_') break;
            goto code;
        case NUMBER:
            if (c >= '0' && c <= '9') break;
            goto code;
        case CODE:
        code:
            if (c == '/') s = SLASH;
            else if (c == '"') s = STRING;
            else if (c >= '0' && c <= '9') s = NUMBER;
            else if (c >= 'a' && c <= 'z') s = WORD;
            else s = CODE;
            break;
        case SLASH:
            if (c == '/') s = LINE;
            else if (c == '*') s = BLOCK;
            else s = CODE;
            break;
        case LINE:
            if (c == '\n') s = CODE;
            break;
        case BLOCK:
            if (c == '*') s = BLOCK_STAR;
            break;
        case BLOCK_STAR:
            if (c == '/') s = CODE;
            else if (c != '*') s = BLOCK;
            break;
        case STRING:
            if (c == '"') s = CODE;
            else if (c == '\\') s = ESCAPE;
            break;
        case ESCAPE: s = STRING; break;
        default: break;
        }
        seen[s]++;
        turns += s != was;
    }
    uint64_t h = turns;
    for (int i = 0; i < STATES; i++) h = h * 1000003 + seen[i];
    return h;
}
