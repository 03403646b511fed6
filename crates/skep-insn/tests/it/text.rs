//! Text both ways.

use skep_insn::{Insn, text};

use crate::samples;

#[test]
fn every_insn_parses_back_from_its_text() {
    let insns = samples::insns();
    assert!(insns.len() > 100_000, "{}", insns.len());
    for insn in insns {
        let text = insn.to_string();
        assert_eq!(text::parse(&text).as_ref(), Ok(&insn), "{text}");
    }
}

#[track_caller]
fn reads(text: &str, expected: &str) {
    let insn: Insn = text::parse(text).unwrap_or_else(|err| panic!("{text}: {err}"));
    assert_eq!(insn.to_string(), expected, "{text}");
}

#[test]
fn the_kernels_spelling() {
    reads("r1 = *(u32 *)(r2 +8)", "w1 = *(u32 *)(r2 + 0x8)");
    reads("r1 = *(u64 *)(r10 -8)", "r1 = *(u64 *)(r10 - 0x8)");
    reads("*(u32 *)(r1 +0) = r2", "*(u32 *)(r1 + 0x0) = w2");
    reads("*(u64 *)(r10 -16) = 0", "*(u64 *)(r10 - 0x10) = 0x0");
    reads("r0 = *(u8 *)skb[12]", "r0 = *(u8 *)skb[0xc]");
    reads("r0 = *(u16 *)skb[r7 + 12]", "r0 = *(u16 *)skb[r7 + 0xc]");
    reads("(u32) r1 += (u32) r2", "w1 += w2");
    reads("(u32) r1 = -1", "w1 = -0x1");
    reads("w1 = (u32) r2", "w1 = w2");
    reads("goto pc+3", "goto +0x3");
    reads("goto pc-3", "goto -0x3");
    reads("if r1 == 0x0 goto pc+3", "if r1 == 0x0 goto +0x3");
    reads("may_goto pc+3", "may_goto +0x3");
    reads("gotol pc+70000", "gotol +0x11170");
    reads("call pc-1", "call pc-0x1");
    reads("call bpf_map_lookup_elem#1", "call 0x1");
    reads("call bpf_of_tomorrow#300", "call 0x12c");
    reads("lock *(u32 *)(r1 +0) += r2", "lock *(u32 *)(r1 + 0x0) += w2");
    reads("r2 = atomic64_fetch_add((u64 *)(r1 +0), r2)", "r2 = atomic_fetch_add((u64 *)(r1 + 0x0), r2)");
    reads("r2 = atomic_fetch_xor((u32 *)(r1 +0), r2)", "w2 = atomic_fetch_xor((u32 *)(r1 + 0x0), w2)");
    reads("r2 = atomic64_xchg((u64 *)(r1 -8), r2)", "r2 = xchg_64(r1 - 0x8, r2)");
    reads("r2 = atomic_xchg((u32 *)(r1 -8), r2)", "w2 = xchg32_32(r1 - 0x8, w2)");
    reads("r0 = atomic64_cmpxchg((u64 *)(r1 -8), r0, r2)", "r0 = cmpxchg_64(r1 - 0x8, r0, r2)");
    reads("r0 = atomic_cmpxchg((u32 *)(r1 -8), r0, r2)", "w0 = cmpxchg32_32(r1 - 0x8, w0, w2)");
    reads("r1 = load_acquire((u8 *)(r2 +1))", "w1 = load_acquire((u8 *)(r2 + 0x1))");
    reads("store_release((u16 *)(r1 +2), r2)", "store_release((u16 *)(r1 + 0x2), w2)");
    reads("r1 = addr_space_cast(r2, 0, 1)", "r1 = addr_space_cast(r2, 0x0, 0x1)");
}

#[test]
fn what_people_write() {
    reads("exit", "exit");
    reads("\t exit  ", "exit");
    reads("r1=5", "r1 = 0x5");
    reads("r1=-5", "r1 = -0x5");
    reads("r1 = - 5", "r1 = -0x5");
    reads("r1 = +5", "r1 = 0x5");
    reads("r1 = 0X1f", "r1 = 0x1f");
    reads("r1=r2", "r1 = r2");
    reads("r1=-r1", "r1 = -r1");
    reads("w1 = - w1", "w1 = -w1");
    reads("r1+=r2", "r1 += r2");
    reads("r1 s>>=2", "r1 s>>= 0x2");
    reads("r1<<=63", "r1 <<= 0x3f");
    reads("w1 &= 0xffffffff", "w1 &= -0x1");
    reads("r1 = 'a'", "r1 = 0x61");
    reads("if w1 == ' ' goto +1", "if w1 == 0x20 goto +0x1");
    reads(r"r1 = '\n'", "r1 = 0xa");
    reads(r"r1 = '\''", "r1 = 0x27");
    reads("r1 = (s8) r2", "r1 = (s8)r2");
    reads("r1 = ( s32 )r2", "r1 = (s32)r2");
    reads("r1 = *(u32*)(r2+8)", "w1 = *(u32 *)(r2 + 0x8)");
    reads("r1 = * ( u32 * ) ( r2 + 8 )", "w1 = *(u32 *)(r2 + 0x8)");
    reads("r1 = *(u32 *)(r2)", "w1 = *(u32 *)(r2 + 0x0)");
    reads("r1 = *(u64 *)(r10 + -8)", "r1 = *(u64 *)(r10 - 0x8)");
    reads("*(u8 *)(r1 + 0) = 255", "*(u8 *)(r1 + 0x0) = 0xff");
    reads("*(u32 *)(r1 + 0) = 0xffffffff", "*(u32 *)(r1 + 0x0) = -0x1");
    reads("if r1 > 5 goto +3", "if r1 > 0x5 goto +0x3");
    reads("if r1>5 goto 3", "if r1 > 0x5 goto +0x3");
    reads("if r1 >= r2 goto -1", "if r1 >= r2 goto -0x1");
    reads("if w1 s<= -1 goto +0", "if w1 s<= -0x1 goto +0x0");
    reads("if r1 & 7 goto +1", "if r1 & 0x7 goto +0x1");
    reads("goto - 1", "goto -0x1");
    reads("r1 = 5 ll", "r1 = 0x5 ll");
    reads("r1 = 5ll", "r1 = 0x5 ll");
    reads("r1 = 0xffffffffffffffff ll", "r1 = -0x1 ll");
    reads("r1 = -9223372036854775808 ll", "r1 = -0x8000000000000000 ll");
    reads("call bpf_map_lookup_elem", "call 0x1");
    reads("call 5", "call 0x5");
    reads("call kfunc(7)", "call kfunc(0x7)");
    reads("call kfunc( 7 , 1 )", "call kfunc(0x7, 0x1)");
    reads("callx r3", "callx r3");
    reads("gotox r3", "gotox r3");
    reads("ld_pseudo r1, 1, 5", "ld_pseudo r1, 0x1, 0x5");
    reads("ld_pseudo r1, 2, -1, 8", "ld_pseudo r1, 0x2, 0xffffffff, 0x8");
}
