// String literals: compare, search, length; equal literals, one that is another's tail, bytes above 127.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

static noinline u64 length(const char *s) {
    u64 n = 0;
    while (s[n]) {
        __asm__ volatile(""); // else a call of strlen
        n++;
    }
    return n;
}

static noinline int compare(const char *a, const char *b) {
    while (*a && *a == *b) a++, b++;
    return (u8)*a - (u8)*b;
}

static noinline const char *find(const char *s, char c) {
    for (; *s; s++)
        if (*s == c) return s;
    return 0;
}

u64 run(u8 *mem, u64 len) {
    const char *text = mem[0] & 1 ? "the quick brown fox" : "jumps over the lazy dog";
    const char *tail = "lazy dog";
    u64 h = mix(length(text), length(tail)) + length("");
    h = mix(h, (u64)(s64)compare(text, "the quick"));
    h = mix(h, (u64)(s64)compare("stra\xdf" "e", "strasse"));
    h = mix(h, (u64)(s64)compare("same", "same"));
    h = mix(h, length(find("key=value=more", '=')));
    h = mix(h, find(text, 'z') ? 1 : 2);
    for (u64 i = 0; i < len; i++) h = mix(h, (u8)"0123456789abcdef"[mem[i] & 15]);
    return h;
}
