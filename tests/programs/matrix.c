// Two- and three-dimensional arrays, in data and on the stack.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

static u32 grid[4][5] = {{1, 2, 3, 4, 5}, {6, 7, 8, 9, 10}, {11, 12, 13, 14, 15}, {16, 17, 18, 19, 20}};
static const s16 cube[2][3][4] = {{{1, -2, 3, -4}, {5, 6, 7, 8}, {9, 0, -1, 2}}, {{3, 4, 5, 6}, {-7, 8, 9, 0}, {1, 2, -3, 4}}};

static noinline u32 column(u32 (*g)[5], u32 c) {
    u32 s = 0;
    for (int r = 0; r < 4; r++) s = s * 7 + g[r][c];
    return s;
}

u64 run(u8 *mem, u64 len) {
    u16 local[5][4];
    u64 h = len;
    for (int r = 0; r < 4; r++)
        for (int c = 0; c < 5; c++) local[c][r] = (u16)(grid[r][c] * mem[r * 5 + c]);
    for (int c = 0; c < 5; c++) {
        h = mix(h, column(grid, (u32)c));
        for (int r = 0; r < 4; r++) h = mix(h, local[c][r]);
    }
    for (int i = 0; i < 24; i++) h = mix(h, (u64)(s64)cube[mem[i] & 1][mem[i] % 3][mem[i] & 3]);
    return h;
}
