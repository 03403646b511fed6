// Mandelbrot set in fixed point: signed products and arithmetic shifts.
// input: random 1024
#include "prog.h"

uint64_t run(uint8_t *mem, uint64_t len) {
    uint64_t h = len, side = 40;
    for (uint64_t py = 0; py < side; py++)
        for (uint64_t px = 0; px < side; px++) {
            int64_t cx = (int64_t)(px * (3 << 16) / side) - (2 << 16) + mem[px];
            int64_t cy = (int64_t)(py * (2 << 16) / side) - (1 << 16) + mem[py];
            int64_t x = 0, y = 0;
            uint32_t i = 0;
            for (; i < 40; i++) {
                int64_t xx = x * x >> 16, yy = y * y >> 16;
                if (xx + yy > 4 << 16) break;
                y = (x * y >> 15) + cy;
                x = xx - yy + cx;
            }
            h = h * 31 + i;
        }
    return h;
}
