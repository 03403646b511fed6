// Functions in sections of their own, static ones at the same offset of each; calls between all of them.
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

SECTION("alpha") static noinline u64 alpha_helper(u64 x) { return x * 3 + 1; }
SECTION("beta") static noinline u64 beta_helper(u64 x) { return x ^ 0x5555; }
SECTION("gamma") static noinline u64 gamma_helper(u64 x) { return x - 77; }
static noinline u64 text_helper(u64 x) { return x << 3 | x >> 61; }

SECTION("alpha") noinline u64 call_alpha(u64 x) { return text_helper(alpha_helper(x)); }
SECTION("beta") noinline u64 call_beta(u64 x) { return call_alpha(beta_helper(x)) + alpha_helper(x); }
SECTION("gamma") noinline u64 call_gamma(u64 x) { return call_beta(gamma_helper(x)) ^ beta_helper(x); }

u64 run(u8 *mem, u64 len) {
    u64 h = len;
    for (int i = 0; i < 16; i++) h = mix(call_alpha(h) + call_beta(mem[i]), call_gamma(h) + gamma_helper(mem[i]));
    return text_helper(h);
}
