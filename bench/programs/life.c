// Conway's game of life on a 32 x 32 torus, one byte per cell, two boards.
// input: random 2048
#include "prog.h"

uint64_t run(uint8_t *mem, uint64_t len) {
    uint8_t *now = mem, *then = mem + 1024;
    for (uint32_t i = 0; i < 1024; i++) now[i] = now[i] >> 6 == 0;
    for (int generation = 0; generation < 20; generation++) {
        for (uint32_t y = 0; y < 32; y++)
            for (uint32_t x = 0; x < 32; x++) {
                uint32_t up = (y - 1 & 31) * 32, mid = y * 32, down = (y + 1 & 31) * 32;
                uint32_t left = x - 1 & 31, right = x + 1 & 31;
                uint32_t n = now[up + left] + now[up + x] + now[up + right] + now[mid + left] + now[mid + right] +
                             now[down + left] + now[down + x] + now[down + right];
                then[mid + x] = n == 3 || (n == 2 && now[mid + x]);
            }
        uint8_t *t = now;
        now = then;
        then = t;
    }
    uint64_t h = len;
    for (uint32_t i = 0; i < 1024; i++) h = h * 31 + now[i];
    return h;
}
