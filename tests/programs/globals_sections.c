// Data in sections of other names: .data.NAME, .rodata.NAME, .bss.NAME.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

SECTION(".data.first") u32 first = 11;
SECTION(".data.second") u64 second[2] = {22, 33};
SECTION(".data.second") static u8 second_tail = 44;
SECTION(".rodata.table") const u16 table[4] = {55, 66, 77, 88};
SECTION(".bss.scratch") static u64 scratch[4];
u32 plain = 99;

u64 run(u8 *mem, u64 len) {
    scratch[mem[0] & 3] = len;
    scratch[mem[1] & 3] += first;
    second[1] += mem[2];
    second_tail += mem[3];
    first += plain;
    u64 h = first + second[0];
    h = mix(h, second[1]);
    h = mix(h, second_tail);
    for (int i = 0; i < 4; i++) h = mix(h, table[(mem[4] + i) & 3] + scratch[i]);
    first = 11, second[1] = 33, second_tail = 44;
    for (int i = 0; i < 4; i++) scratch[i] = (u64)(i & 0);
    return h;
}
