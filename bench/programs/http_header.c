// HTTP/1.1 request heads: method, path, header names without case, content length, keep-alive.
// input: http 32768
#include "prog.h"

static inline uint8_t lower(uint8_t c) { return c >= 'A' && c <= 'Z' ? c | 0x20 : c; }

uint64_t run(uint8_t *mem, uint64_t len) {
    uint64_t at = 0, requests = 0, body = 0, h = 0, kept = 0;
    while (at < len) {
        // Request line.
        uint32_t method = 0, path = 5381;
        while (at < len && mem[at] != ' ' && mem[at] != '\n') method = (method << 8) | mem[at++];
        if (at < len && mem[at] == ' ') at++;
        while (at < len && mem[at] != ' ' && mem[at] != '\n') path = path * 33 ^ mem[at++];
        while (at < len && mem[at] != '\n') at++;
        at++;
        switch (method) {
        case 0x474554: h += path; break;          // GET
        case 0x504f5354: h += path * 3ull; break; // POST
        case 0x505554: h += path * 5ull; break;   // PUT
        case 0x48454144: h ^= path; break;        // HEAD
        default: h = rotl64(h, 1);
        }
        // Header lines up to the empty one.
        while (at < len && mem[at] != '\r' && mem[at] != '\n') {
            uint32_t name = 2166136261u;
            while (at < len && mem[at] != ':' && mem[at] != '\n') name = (name ^ lower(mem[at++])) * 16777619u;
            if (at < len && mem[at] == ':') at++;
            while (at < len && mem[at] == ' ') at++;
            uint64_t number = 0;
            uint32_t value = 0;
            while (at < len && mem[at] != '\r' && mem[at] != '\n') {
                uint8_t c = mem[at++];
                if (c >= '0' && c <= '9') number = number * 10 + (uint64_t)(c - '0');
                value = value * 31 + lower(c);
            }
            while (at < len && mem[at] != '\n') at++;
            at++;
            if (name == 0x88dac318u) body += number; // content-length, or whatever hashes so
            kept += value == 0x3ea5fd6cu;
            h += name ^ value ^ number;
        }
        while (at < len && (mem[at] == '\r' || mem[at] == '\n')) at++;
        requests++;
    }
    return h ^ (requests << 48) ^ (body << 8) ^ kept;
}
