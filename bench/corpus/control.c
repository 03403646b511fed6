// Control: dispatch, states, calls, nested loops, many live values, atomics.
#include "corpus.h"

// random: a stack machine of nine operations, dispatched by a dense switch
u64 dispatch(u8 *mem, u64 len) {
    u64 a = 1, b = 2, steps = 0;
    for (u64 pc = 0; pc < len; pc++) {
        steps++;
        switch (mem[pc] & 15) {
        case 0: a += b; break;
        case 1: a -= b; break;
        case 2: a *= 3; break;
        case 3: a ^= b << 3; break;
        case 4: b = a >> 1; break;
        case 5: b += mem[pc]; break;
        case 6: if (a & 1) pc++; break;
        case 7: { u64 t = a; a = b; b = t; break; }
        case 8: a = a < b ? a : b; break;
        default: break;
        }
    }
    return a ^ b ^ steps;
}

enum tcp { CLOSED, LISTEN, SYN_SENT, SYN_RECEIVED, ESTABLISHED, FIN_WAIT, CLOSE_WAIT, LAST_ACK, TIME_WAIT };
enum flags { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

inlined enum tcp next_state(enum tcp state, u32 flags) {
    if (flags & RST)
        return CLOSED;
    switch (state) {
    case CLOSED: return flags & SYN ? SYN_SENT : LISTEN;
    case LISTEN: return flags & SYN ? SYN_RECEIVED : LISTEN;
    case SYN_SENT: return (flags & (SYN | ACK)) == (SYN | ACK) ? ESTABLISHED : state;
    case SYN_RECEIVED: return flags & ACK ? ESTABLISHED : state;
    case ESTABLISHED: return flags & FIN ? (flags & ACK ? CLOSE_WAIT : FIN_WAIT) : state;
    case FIN_WAIT: return flags & FIN ? TIME_WAIT : state;
    case CLOSE_WAIT: return flags & FIN ? LAST_ACK : state;
    case LAST_ACK: return flags & ACK ? CLOSED : state;
    case TIME_WAIT: return CLOSED;
    }
    return state;
}

// random: states of connections by the flags of their segments
u64 tcp_states(u8 *mem, u64 len) {
    enum tcp state = CLOSED;
    u64 open = 0;
    for (u64 i = 0; i < len; i++) {
        state = next_state(state, mem[i] & 23);
        open += state == ESTABLISHED;
    }
    return open * 16 + state;
}

// random: product of two matrices of 8 by 8
u64 matrix(u8 *mem, u64 len) {
    u32 *a = (u32 *)mem, *b = a + 64, *out = a + 128;
    (void)len;
    for (u32 i = 0; i < 8; i++)
        for (u32 j = 0; j < 8; j++) {
            u32 sum = 0;
            for (u32 k = 0; k < 8; k++)
                sum += a[i * 8 + k] * b[k * 8 + j];
            out[i * 8 + j] = sum;
        }
    return out[9] ^ out[63];
}

// text: longest common part of two lines of 32 letters, a row of lengths on the stack
u64 common_part(u8 *mem, u64 len) {
    u64 sum = 0;
    for (u64 at = 0; at + 64 <= len; at += 512) {
        u8 row[33];
        for (int i = 0; i < 33; i++)
            row[i] = 0;
        for (int i = 0; i < 32; i++) {
            u8 diagonal = 0;
            for (int j = 0; j < 32; j++) {
                u8 above = row[j + 1];
                if (mem[at + (u32)i] == mem[at + 32 + (u32)j])
                    row[j + 1] = (u8)(diagonal + 1);
                else if (row[j] > above)
                    row[j + 1] = row[j];
                diagonal = above;
            }
        }
        sum = sum * 37 + row[32];
    }
    return sum;
}

static noinline u64 blend(u64 a, u64 b, u64 c, u32 shift, const u8 *from) {
    return (a << shift) + (b >> shift) + c * *from;
}

// random: calls of a function with five arguments; the caller's values live across them
u64 five_arguments(u8 *mem, u64 len) {
    u64 x = 1, y = 2, z = 3;
    for (u64 i = 0; i < len; i += 4) {
        u64 t = blend(x, y, z, mem[i] & 15, mem + i + 1);
        z = y ^ i;
        y = x;
        x = t;
    }
    return x + y * z;
}

static noinline u64 fib_of(u64 n) { return n < 2 ? n : fib_of(n - 1) + fib_of(n - 2); }

// random: recursion
u64 fib(u8 *mem, u64 len) { return fib_of((mem[0] & 3) + 9) + len; }

// random: steps of numbers on their way to 1
u64 collatz(u8 *mem, u64 len) {
    u64 steps = 0;
    for (u64 i = 0; i < len; i += 16) {
        u64 n = mem[i] + 1;
        while (n != 1) {
            n = n & 1 ? 3 * n + 1 : n / 2;
            steps++;
        }
    }
    return steps;
}

// random: sorts 128 words by insertion
u64 insertion_sort(u8 *mem, u64 len) {
    u32 *v = (u32 *)mem;
    (void)len;
    for (u32 i = 1; i < 128; i++) {
        u32 x = v[i], j = i;
        while (j > 0 && v[j - 1] > x) {
            v[j] = v[j - 1];
            j--;
        }
        v[j] = x;
    }
    return v[0] + v[127];
}

// random: more values alive than there are registers
u64 many_live(u8 *mem, u64 len) {
    u64 *w = (u64 *)mem;
    u64 a = w[0], b = w[1], c = w[2], d = w[3], e = w[4], f = w[5], g = w[6], h = w[7];
    u64 i = w[8], j = w[9], k = w[10], l = w[11];
    for (u64 n = 12; n < len / 8; n++) {
        u64 x = w[n];
        a += x ^ l; b ^= a >> 3; c += b; d ^= c << 5;
        e += d ^ x; f ^= e >> 7; g += f; h ^= g << 2;
        i += h + x; j ^= i >> 9; k += j; l ^= k << 1;
    }
    return a ^ b ^ c ^ d ^ e ^ f ^ g ^ h ^ i ^ j ^ k ^ l;
}

struct counters { u64 packets, bytes; u32 owner, epoch; };

// random: shared counters: adds with and without result, exchange, compare and exchange
u64 atomics(u8 *mem, u64 len) {
    struct counters *c = (struct counters *)mem;
    *c = (struct counters){};
    u64 seen = 0;
    for (u64 at = 64; at < len; at += 4) {
        u32 x = *(u32 *)(mem + at);
        __sync_fetch_and_add(&c->bytes, x & 0xfff);
        seen ^= __sync_fetch_and_add(&c->packets, 1);
        if (x & 1)
            seen += __sync_val_compare_and_swap(&c->owner, x & 6, x >> 29);
        else
            seen += __sync_lock_test_and_set(&c->epoch, x >> 3);
        __sync_fetch_and_or(&c->owner, x & 2);
    }
    return seen + c->packets + c->bytes + c->owner + c->epoch;
}

// random: an event filter: conditions joined by && and ||, early returns by goto
u64 event_filter(u8 *mem, u64 len) {
    u64 kept = 0, dropped = 0;
    for (u64 at = 0; at + 16 <= len; at += 16) {
        u32 pid = *(u32 *)(mem + at) & 0xff, uid = *(u32 *)(mem + at + 4) & 0x3ff;
        u64 size = *(u64 *)(mem + at + 8) >> 44;
        int failed = (s8)mem[at + 3] < 0;
        if (pid < 16 && !(uid == 0 || uid > 1000))
            goto drop;
        if (size == 0 || (size > 4096 && !failed))
            goto drop;
        if ((pid & 1 && uid & 1) || size < 64 || (failed && pid > 200))
            kept += size;
        continue;
    drop:
        dropped++;
    }
    return (kept << 16) + dropped;
}
