// Tables: histograms, caches, rate limits, rings, searches. The bookkeeping around maps.
#include "corpus.h"

inlined u32 log2_of(u64 v) {
    u32 r = 0;
    if (v >> 32) { v >>= 32; r += 32; }
    if (v >> 16) { v >>= 16; r += 16; }
    if (v >> 8) { v >>= 8; r += 8; }
    if (v >> 4) { v >>= 4; r += 4; }
    if (v >> 2) { v >>= 2; r += 2; }
    return r + (v >> 1 ? 1 : 0);
}

// random: latencies into slots by their logarithm; the slots are an array on the stack
u64 log2_histogram(u8 *mem, u64 len) {
    u32 slots[32];
    for (int i = 0; i < 32; i++)
        slots[i] = 0;
    for (u64 i = 0; i < len / 8; i++) {
        u64 delta = ((u64 *)mem)[i];
        u32 slot = log2_of(delta >> (delta & 31));
        if (slot >= 32)
            slot = 31;
        slots[slot]++;
    }
    u64 sum = 0;
    for (u32 i = 0; i < 32; i++)
        sum = sum * 5 + slots[i];
    return sum;
}

struct entry { u32 key, used; u64 value; };

// random: a cache of eight entries: hit, free entry, or the one used longest ago
u64 lru_cache(u8 *mem, u64 len) {
    struct entry *cache = (struct entry *)mem;
    for (int i = 0; i < 8; i++)
        cache[i].used = 0;
    u32 now = 0, hits = 0;
    for (u64 at = 128; at < len; at++) {
        u32 key = mem[at] & 15, victim = 0, found = 8;
        now++;
        for (u32 i = 0; i < 8; i++) {
            if (cache[i].used && cache[i].key == key) {
                found = i;
                break;
            }
            if (cache[i].used < cache[victim].used)
                victim = i;
        }
        if (found < 8) {
            hits++;
            cache[found].value += at;
            cache[found].used = now;
        } else {
            cache[victim] = (struct entry){key, now, at};
        }
    }
    return ((u64)hits << 32) | cache[3].key;
}

struct bucket { u64 tokens, last; u32 passed, dropped; };

// random: a token bucket: refills by elapsed time up to a burst, drops what finds too few
u64 token_bucket(u8 *mem, u64 len) {
    struct bucket *b = (struct bucket *)mem;
    *b = (struct bucket){1000, 0, 0, 0};
    u64 now = 0;
    for (u64 at = 64; at + 4 <= len; at += 4) {
        u32 sample = *(u32 *)(mem + at);
        u64 size = 64 + (sample & 0x5ff);
        now += (sample >> 16) & 0xfff;
        u64 fresh = (now - b->last) * 700 / 1000;
        if (fresh) {
            b->tokens = b->tokens + fresh > 4000 ? 4000 : b->tokens + fresh;
            b->last = now;
        }
        if (b->tokens >= size) {
            b->tokens -= size;
            b->passed++;
        } else {
            b->dropped++;
        }
    }
    return ((u64)b->passed << 32) | b->dropped;
}

struct ring { u32 head, tail, lost; u32 slot[64]; };

// random: a ring of 64 words: produce, consume, count what finds no room
u64 ring_index(u8 *mem, u64 len) {
    struct ring *r = (struct ring *)mem;
    r->head = r->tail = r->lost = 0;
    u64 sum = 0;
    for (u64 at = sizeof *r; at < len; at++) {
        if (mem[at] & 1) {
            if (r->head - r->tail == 64)
                r->lost++;
            else
                r->slot[r->head++ & 63] = mem[at];
        } else if (r->head != r->tail) {
            sum = sum * 33 + r->slot[r->tail++ & 63];
        }
    }
    return sum + r->lost;
}

// random: searches a sorted array of 128 words made in place
u64 binary_search(u8 *mem, u64 len) {
    u32 *sorted = (u32 *)mem;
    u32 value = 0;
    for (u32 i = 0; i < 128; i++) {
        value += sorted[i] >> 8;
        sorted[i] = value;
    }
    u64 sum = 0;
    for (u64 at = 512; at + 4 <= len; at += 4) {
        u32 key = *(u32 *)(mem + at), low = 0, high = 128;
        while (low < high) {
            u32 mid = (low + high) / 2;
            if (sorted[mid] < key)
                low = mid + 1;
            else
                high = mid;
        }
        sum += low;
    }
    return sum;
}

// random: open addressing in a table of 256 words, about half of them taken by 1; counts probes
u64 hash_insert(u8 *mem, u64 len) {
    u32 *table = (u32 *)mem;
    for (u32 i = 0; i < 256; i++)
        table[i] >>= 31;
    u32 probes = 0;
    for (u64 at = 1024; at + 16 <= len; at += 16) {
        u32 key = *(u32 *)(mem + at) | 1, slot = (key * 0x9e3779b1) >> 24;
        for (u32 i = 0; i < 16; i++) {
            u32 *entry = &table[(slot + i) & 255];
            probes++;
            if (*entry == key)
                break;
            if (!*entry) {
                *entry = key;
                break;
            }
        }
    }
    return probes;
}

// random: a Bloom filter of 2048 bits, three hashes from one product
u64 bloom_filter(u8 *mem, u64 len) {
    u64 *bits = (u64 *)mem;
    __builtin_memset(bits, 0, 256);
    u64 again = 0;
    for (u64 at = 256; at + 8 <= len; at += 8) {
        u64 h = *(u64 *)(mem + at) * 0x9e3779b97f4a7c15ull;
        int known = 1;
        for (int i = 0; i < 3; i++) {
            u32 bit = (u32)(h >> (20 * i)) & 2047;
            if (!(bits[bit / 64] & (1ull << (bit % 64)))) {
                known = 0;
                bits[bit / 64] |= 1ull << (bit % 64);
            }
        }
        again += (u64)known;
    }
    return again;
}

struct stats { u64 count, total, least, most; u32 average; u16 state; u8 flags, worst; };

// random: updates eight records: counts, extremes, a moving average, flags
u64 record_stats(u8 *mem, u64 len) {
    struct stats *all = (struct stats *)mem;
    for (int i = 0; i < 8; i++) {
        all[i] = (struct stats){};
        all[i].least = ~0ull;
    }
    for (u64 at = 512; at + 4 <= len; at += 4) {
        u32 sample = *(u32 *)(mem + at);
        struct stats *s = &all[sample & 7];
        u32 value = sample >> 12;
        s->count++;
        s->total += value;
        if (value < s->least)
            s->least = value;
        if (value > s->most)
            s->most = value;
        s->average = s->average - s->average / 8 + value / 8;
        s->state = (u16)(s->state * 2 + (value & 1));
        s->flags |= (u8)(1u << (value & 7));
        if ((u8)value > s->worst)
            s->worst = (u8)value;
    }
    return all[1].total + all[2].average + all[3].least + all[4].most + all[5].state + all[6].flags + all[7].worst;
}

// random: keeps the eight largest in an array, each put where it belongs
u64 top_eight(u8 *mem, u64 len) {
    u32 *top = (u32 *)mem;
    for (int i = 0; i < 8; i++)
        top[i] = 0;
    for (u64 at = 32; at + 4 <= len; at += 4) {
        u32 value = *(u32 *)(mem + at);
        if (value <= top[7])
            continue;
        int i = 7;
        for (; i > 0 && top[i - 1] < value; i--)
            top[i] = top[i - 1];
        top[i] = value;
    }
    u64 sum = 0;
    for (int i = 0; i < 8; i++)
        sum = sum * 3 + top[i];
    return sum;
}
