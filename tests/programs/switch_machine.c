// A switch inside a loop, as interpreters have it, over the program's own memory.
// uses: gotox
// not: bpf-gcc -mcpu=v1: it makes b >= a of a < b
#include "test.h"

enum { PUSH, ADD, SUB, MUL, DUP, SWAP, DROP, JUMP, SKIP, NEG, NOT, OVER, LEFT, RIGHT, XOR, HALT, OPS };

u64 run(u8 *mem, u64 len) {
    u64 stack[16];
    u32 sp = 0, pc = 0, steps = 0;
    for (int i = 0; i < 16; i++) stack[i] = (u64)i;
    while (steps++ < 2000) {
        u8 c = mem[pc];
        u64 *top = &stack[sp & 15], *under = &stack[(sp - 1) & 15];
        pc = pc + 1 < len ? pc + 1 : 0;
        switch (c % OPS) {
        case PUSH: stack[++sp & 15] = c; break;
        case ADD: *under += *top; sp--; break;
        case SUB: *under -= *top; sp--; break;
        case MUL: *under *= *top; sp--; break;
        case DUP: stack[++sp & 15] = *top; break;
        case SWAP: { u64 t = *top; *top = *under; *under = t; break; }
        case DROP: sp--; break;
        case JUMP: pc = (u32)((pc + c) % len); break;
        case SKIP: if (*top & 1) pc = (u32)((pc + 1) % len); break;
        case NEG: *top = -*top; break;
        case NOT: *top = ~*top; break;
        case OVER: stack[++sp & 15] = *under; break;
        case LEFT: *top <<= c & 31; break;
        case RIGHT: *top >>= c & 31; break;
        case XOR: *under ^= *top; sp--; break;
        case HALT: steps += 10; break;
        }
    }
    u64 h = pc;
    for (int i = 0; i < 16; i++) h = mix(h, stack[i]);
    return h;
}
