// Naive Fibonacci numbers: calls and returns, little else; 23 frames deep.
// input: random 64
#include "prog.h"

static noinline uint64_t fib(uint64_t n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

uint64_t run(uint8_t *mem, uint64_t len) { return fib(22) + mem[0] * len; }
