// Large data sections: offsets beyond 16 bits, in .data, .rodata and .bss.
#include "test.h"

static u32 zeros[20000];
static u8 start_of_data[70000] = {1, 2, 3};
static u32 after = 0x600df00d;
static const u16 table[40000] = {[0] = 5, [39999] = 6};
static const u32 after_table = 0xfeed;
static const u16 *last = &table[39999];

u64 run(u8 *mem, u64 len) {
    u64 h = len;
    zeros[19999] = mem[0];
    start_of_data[69999] = mem[1];
    after += start_of_data[69999];
    h = mix(h, zeros[19999] + zeros[mem[2]]);
    h = mix(h, after);
    h = mix(h, table[0] + table[39999] + *last);
    h = mix(h, after_table + start_of_data[2]);
    zeros[19999] = 0, start_of_data[69999] = 0, after = 0x600df00d;
    return h;
}
