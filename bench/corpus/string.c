// Strings: names, paths, numbers as text. All bounded, no terminator trusted.
#include "corpus.h"

// text: length of each line, at most 64, as strnlen finds it
u64 line_lengths(u8 *mem, u64 len) {
    u64 sum = 0, at = 0;
    while (at < len) {
        u32 n = 0;
        while (n < 64 && at + n < len && mem[at + n] != '\n')
            n++;
        sum = sum * 7 + n;
        at += n + 1;
    }
    return sum;
}

// text: compares each word with the one before it, as strncmp does for 16 bytes
u64 compare_words(u8 *mem, u64 len) {
    u64 order = 0;
    for (u64 at = 0; at + 32 <= len; at += 16) {
        u8 *a = mem + at, *b = mem + at + 16;
        int cmp = 0;
        for (int i = 0; i < 16; i++) {
            if (a[i] != b[i]) {
                cmp = a[i] < b[i] ? -1 : 1;
                break;
            }
            if (!a[i])
                break;
        }
        order = order * 3 + (u64)(cmp + 1);
    }
    return order;
}

// text: copies a name into a field of 16 bytes on the stack of zeros, and folds it as two words
u64 copy_names(u8 *mem, u64 len) {
    u64 hash = 0;
    for (u64 at = 0; at + 16 <= len; at += 11) {
        char name[16] __attribute__((aligned(8))) = {};
        for (u32 i = 0; i < 15; i++) {
            u8 c = mem[at + i];
            if (c == ' ' || c == '\n')
                break;
            name[i] = (char)c;
        }
        hash = (hash ^ ((u64 *)name)[0]) * 0x100000001b3ull + ((u64 *)name)[1];
    }
    return hash;
}

// random: writes words as decimal text into a field, digits backwards
u64 to_decimal(u8 *mem, u64 len) {
    u64 total = 0;
    for (u64 at = 0; at + 32 <= len; at += 32) {
        u64 value = *(u64 *)(mem + at);
        u8 digits[20];
        u32 n = 0;
        do {
            digits[n++] = (u8)('0' + value % 10);
            value /= 10;
        } while (value && n < 20);
        for (u32 i = 0; i < n; i++)
            mem[at + i] = digits[n - 1 - i];
        total += n;
    }
    return total;
}

// csv: reads numbers, decimal or with 0x, between other characters
u64 parse_numbers(u8 *mem, u64 len) {
    u64 sum = 0;
    for (u64 at = 0; at < len; at++) {
        u32 base = 10;
        if (mem[at] < '0' || mem[at] > '9')
            continue;
        if (mem[at] == '0' && at + 1 < len && mem[at + 1] == 'x') {
            base = 16;
            at += 2;
        }
        u64 value = 0;
        for (; at < len; at++) {
            u8 c = mem[at];
            u32 digit;
            if (c >= '0' && c <= '9')
                digit = c - '0';
            else if (base == 16 && (c | 32) >= 'a' && (c | 32) <= 'f')
                digit = (c | 32) - 'a' + 10;
            else
                break;
            value = value * base + digit;
        }
        sum += value;
    }
    return sum;
}

// utf8: counts characters, and bytes that begin none
u64 utf8_length(u8 *mem, u64 len) {
    u32 chars = 0, bad = 0;
    for (u64 at = 0; at < len;) {
        u8 c = mem[at++];
        u32 more = 0;
        if (c >= 0xf0 && c < 0xf8)
            more = 3;
        else if (c >= 0xe0 && c < 0xf0)
            more = 2;
        else if (c >= 0xc0 && c < 0xe0)
            more = 1;
        else if (c >= 0x80) {
            bad++;
            continue;
        }
        while (more && at < len && (mem[at] & 0xc0) == 0x80) {
            at++;
            more--;
        }
        if (more)
            bad++;
        else
            chars++;
    }
    return ((u64)bad << 32) | chars;
}

inlined u8 base64_char(u32 six) {
    if (six < 26)
        return (u8)('A' + six);
    if (six < 52)
        return (u8)('a' + six - 26);
    if (six < 62)
        return (u8)('0' + six - 52);
    return six == 62 ? '+' : '/';
}

// random: encodes the first half of the buffer into the second as base64, three bytes a step
u64 base64_encode(u8 *mem, u64 len) {
    u8 *out = mem + len / 2;
    u64 n = 0;
    for (u64 i = 0; i + 3 <= len / 2 / 4 * 3; i += 3) {
        u32 group = ((u32)mem[i] << 16) | ((u32)mem[i + 1] << 8) | mem[i + 2];
        out[n++] = base64_char(group >> 18);
        out[n++] = base64_char((group >> 12) & 63);
        out[n++] = base64_char((group >> 6) & 63);
        out[n++] = base64_char(group & 63);
    }
    return n;
}

// http: states of a scanner of request heads: words, header names, values
u64 request_states(u8 *mem, u64 len) {
    enum { METHOD, PATH, VERSION, NAME, VALUE, NEWLINE } state = METHOD;
    u32 paths = 0, names = 0, values = 0;
    for (u64 i = 0; i < len; i++) {
        u8 c = mem[i];
        switch (state) {
        case METHOD:
            if (c == ' ')
                state = PATH;
            break;
        case PATH:
            if (c == ' ')
                state = VERSION;
            else
                paths++;
            break;
        case VERSION:
            if (c == '\n')
                state = NEWLINE;
            break;
        case NAME:
            if (c == ':')
                state = VALUE;
            else
                names++;
            break;
        case VALUE:
            if (c == '\n')
                state = NEWLINE;
            else if (c != '\r')
                values++;
            break;
        case NEWLINE:
            if (c == '\n')
                state = METHOD;
            else if (c != '\r')
                state = NAME;
            break;
        }
    }
    return ((u64)paths << 40) + ((u64)names << 20) + values;
}

// http: where the words of a request line match one of four methods, compared as packed words
u64 match_methods(u8 *mem, u64 len) {
    u64 found = 0;
    for (u64 i = 0; i + 8 <= len; i++) {
        u32 word = get32(mem + i);
        if (word == 0x20544547) // "GET "
            found += 1;
        else if (word == 0x54534f50 && mem[i + 4] == ' ') // "POST "
            found += 1 << 8;
        else if (word == 0x20545550) // "PUT "
            found += 1 << 16;
        else if (get64(mem + i) << 8 == 0x204554454c454400ull) // "DELETE "
            found += 1 << 24;
    }
    return found;
}
