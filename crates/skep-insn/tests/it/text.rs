//! Text both ways.

use skep_insn::text::SymKind;
use skep_insn::{Insn, text};

use crate::samples;

#[test]
fn every_insn_parses_back_from_its_text() {
    let insns = samples::insns();
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
    reads("r1 = w2", "w1 = w2");
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

#[track_caller]
fn refuses(text: &str, message: &str) {
    let err = text::parse(text).expect_err(text);
    assert_eq!(err.to_string(), message, "{text}");
}

#[test]
fn errors_say_where_what_and_what_else() {
    let insn = "an instruction such as `r1 = 5`, `if r1 > 5 goto +3` or `exit`";
    refuses("", &format!("column 1: found end of line, expected {insn}"));
    refuses("mov r1, 5", &format!("column 1: found 'mov', expected {insn}"));
    refuses("  ;", &format!("column 3: found ';', expected {insn}"));
    refuses("é", &format!("column 1: found 'é', expected {insn}"));
    refuses("exit exit", "column 6: found 'exit', expected the end of the instruction");
    refuses("r1 = 5 // five", "column 8: found '/', expected the end of the instruction");

    refuses("r11 = 5", "column 1: found 'r11', expected a register, r0 to r10 or w0 to w10");
    refuses("r01 = 5", "column 1: found 'r01', expected a register, r0 to r10 or w0 to w10");
    refuses("r1 += w2", "column 7: found 'w2', expected a 64-bit register, r0 to r10");
    refuses("w1 += r2", "column 7: found 'r2', expected a 32-bit register, w0 to w10");
    refuses("if r1 == w2 goto +1", "column 10: found 'w2', expected a 64-bit register, r0 to r10");
    refuses("r1 = -r2", "column 7: found 'r2', expected the same register twice");
    refuses("r1 = be16 r2", "column 11: found 'r2', expected the same register twice");
    refuses("w1 = be16 w1", "column 1: found 'w1', expected a 64-bit register, r0 to r10");
    refuses("w1 = *(u64 *)(r2 + 0)", "column 1: found 'w1', expected a 64-bit register, r0 to r10");
    refuses("w1 = *(s8 *)(r2 + 0)", "column 1: found 'w1', expected a 64-bit register, r0 to r10");
    refuses("w1 = (s32)w2", "column 1: found 'w1', expected an r register: (s32) extends to 64 bits");
    refuses("w1 = 5 ll", "column 1: found 'w1', expected a 64-bit register, r0 to r10");
    refuses("callx w1", "column 7: found 'w1', expected a 64-bit register, r0 to r10");
    refuses("*(u64 *)(r1 + 0) = w2", "column 20: found 'w2', expected a 64-bit register, r0 to r10");
    refuses("*(u64 *)(w1 + 0) = r2", "column 10: found 'w1', expected a 64-bit register, r0 to r10");

    let imm = "a register or a number from -0x80000000 to 0x7fffffff, sign-extended to 64 bits (others: `r1 = N ll`)";
    refuses("r1 = 0xffffffff", &format!("column 6: found '0xffffffff', expected {imm}"));
    refuses("r1 &= 4294967295", &format!("column 7: found '4294967295', expected {imm}"));
    refuses("r1 += x", &format!("column 7: found 'x', expected {imm}"));
    refuses("r1 += ", &format!("column 7: found end of line, expected {imm}"));
    refuses(
        "w1 = 0x100000000",
        "column 6: found '0x100000000', expected a register or a number within 32 bits",
    );
    refuses(
        "r1 = 010",
        "column 6: found '010', expected a number within 64 bits, a register, a load or a symbol",
    );
    refuses(
        "r1 = 0x",
        "column 6: found '0x', expected a number within 64 bits, a register, a load or a symbol",
    );
    refuses(
        "r1 = 5x",
        "column 6: found '5x', expected a number within 64 bits, a register, a load or a symbol",
    );
    refuses(
        "r1 = 0x10000000000000000 ll",
        "column 6: found '0x10000000000000000', expected a number within 64 bits, a register, a load or a symbol",
    );
    refuses(
        "r1 = ''",
        "column 6: found ''', expected a number within 64 bits, a register, a load or a symbol",
    );

    let off = "an offset from -32768 to 32767";
    refuses("r1 = *(u8 *)(r2 + 32768)", &format!("column 17: found '+ 32768', expected {off}"));
    refuses("r1 = *(u8 *)(r2 - 32769)", &format!("column 17: found '- 32769', expected {off}"));
    refuses("r1 = *(u8 *)(r2 + r3)", &format!("column 17: found '+', expected {off}"));
    refuses("r1 = *(u8 *)(r2 * 3)", "column 17: found '*', expected ')'");
    refuses("r1 = *(u9 *)(r2 + 0)", "column 8: found 'u9', expected u8, u16, u32, u64, s8, s16 or s32");
    refuses("*(s8 *)(r2 + 0) = 1", "column 3: found 's8', expected u8, u16, u32 or u64");
    refuses("lock *(u8 *)(r2 + 0) += r1", "column 8: found 'u8', expected u32 or u64");
    refuses("lock *(u64 *)(r2 + 0) -= r1", "column 23: found '-', expected one of += |= &= ^=");
    refuses("r1 = atomic_fetch_add((u16 *)(r2 + 0), r1)", "column 24: found 'u16', expected u32 or u64");
    refuses(
        "r1 = atomic_fetch_add((u64 *)(r2 + 0), r3)",
        "column 40: found 'r3', expected the same register twice",
    );
    refuses(
        "r1 = cmpxchg_64(r2 + 0, r0, r3)",
        "column 1: found 'r1', expected r0 or w0, which cmpxchg compares with and writes",
    );
    refuses("r0 = cmpxchg_64(r2 + 0, r1, r3)", "column 25: found 'r1', expected the same register twice");
    refuses("r1 = *(u8 *)skb[0]", "column 1: found 'r1', expected r0 = *(u8 *)skb[..], with u8, u16 or u32");
    refuses("r0 = *(u64 *)skb[0]", "column 1: found 'r0', expected r0 = *(u8 *)skb[..], with u8, u16 or u32");

    let near = "an offset in slots such as +3, within 16 bits, or a label";
    refuses("goto +32768", &format!("column 6: found '+32768', expected {near}"));
    refuses("goto", &format!("column 5: found end of line, expected {near}"));
    refuses("goto r1", &format!("column 6: found 'r1', expected {near}"));
    refuses("if r1 = 5 goto +1", "column 7: found '=', expected one of == != > >= < <= s> s>= s< s<= &");
    refuses("if r1 == 5 +1", "column 12: found '+', expected 'goto'");
    refuses("goto done", "column 6: found 'done', expected an offset such as +3");
    refuses("r1 = table ll", "column 6: found 'table', expected a number");
    refuses("r1 = table", "column 11: found end of line, expected 'll' behind an address");
    refuses("call printf", "column 6: found 'printf', expected a helper's name or number, pc+N or kfunc(ID)");
    refuses(
        "call bpf_map_lookup_elem#2",
        "column 6: found 'bpf_map_lookup_elem', expected the name of the helper with the number behind it",
    );
    refuses("ld_pseudo r1, 7, 0", "column 15: found '7', expected the kind of value, 1 to 6");
    refuses("ld_pseudo r1, 1, 0, 5", "column 19: found ',', expected the end of the instruction");
    refuses(
        "r1 = sqrt(r2)",
        "column 6: found 'sqrt', expected load_acquire, atomic_fetch_add (or, and, xor), xchg_64, xchg32_32, cmpxchg_64, cmpxchg32_32 or addr_space_cast",
    );
}

#[track_caller]
fn reads_symbol(line: &str, kind: SymKind, name: &str, addend: i64, placeholder: &str) {
    let (insn, symbol) = text::parse_with_symbols(line).unwrap_or_else(|err| panic!("{line}: {err}"));
    let symbol = symbol.expect(line);
    assert_eq!((symbol.kind, symbol.name, symbol.addend), (kind, name, addend), "{line}");
    assert_eq!(&line[symbol.range], name);
    assert_eq!(insn.to_string(), placeholder, "{line}");
}

#[test]
fn symbols_are_left_to_the_caller() {
    reads_symbol("goto done", SymKind::Jump, "done", 0, "goto +0x0");
    reads_symbol("goto .L1", SymKind::Jump, ".L1", 0, "goto +0x0");
    reads_symbol("goto pc", SymKind::Jump, "pc", 0, "goto +0x0");
    reads_symbol("gotol $x_1.2", SymKind::Jump, "$x_1.2", 0, "gotol +0x0");
    reads_symbol("may_goto _out", SymKind::Jump, "_out", 0, "may_goto +0x0");
    reads_symbol("if r1 == 0 goto r2d2", SymKind::Jump, "r2d2", 0, "if r1 == 0x0 goto +0x0");
    reads_symbol("if w1 s< w2 goto LBB0_3", SymKind::Jump, "LBB0_3", 0, "if w1 s< w2 goto +0x0");
    reads_symbol("call printf", SymKind::Call, "printf", 0, "call pc-0x1");
    reads_symbol("call bpf_map_lookup_elem", SymKind::Call, "bpf_map_lookup_elem", 0, "call pc-0x1");
    reads_symbol("call kfunc", SymKind::Call, "kfunc", 0, "call pc-0x1");
    reads_symbol("r1 = map ll", SymKind::Imm64, "map", 0, "r1 = 0x0 ll");
    reads_symbol("r1=map+8 ll", SymKind::Imm64, "map", 8, "r1 = 0x8 ll");
    reads_symbol("r1 = .rodata + 0x10 ll", SymKind::Imm64, ".rodata", 16, "r1 = 0x10 ll");
    reads_symbol("r1 = map - 1 ll", SymKind::Imm64, "map", -1, "r1 = -0x1 ll");
    reads_symbol("r1 = be16 ll", SymKind::Imm64, "be16", 0, "r1 = 0x0 ll");
    reads_symbol("r1 = ll ll", SymKind::Imm64, "ll", 0, "r1 = 0x0 ll");

    for numbers_only in ["goto pc+3", "call pc+3", "call 5", "r1 = 5 ll", "exit", "call bpf_of_tomorrow#300"]
    {
        assert_eq!(text::parse_with_symbols(numbers_only).unwrap().1, None, "{numbers_only}");
    }
}

#[test]
fn a_symbol_is_printed_where_it_was_read() {
    for line in [
        "goto done",
        "gotol done",
        "may_goto done",
        "if r1 s>= -0x5 goto done",
        "if w1 & w2 goto done",
        "call printf",
        "r1 = map ll",
    ] {
        let (insn, symbol) = text::parse_with_symbols(line).unwrap();
        assert_eq!(insn.display_with(symbol.unwrap().name).to_string(), line);
    }
    let with = |line| text::parse(line).unwrap().display_with("name").to_string();
    assert_eq!(with("call 1"), "call name");
    assert_eq!(with("call kfunc(1)"), "call name");
    assert_eq!(with("ld_pseudo r1, 2, 5, 8"), "r1 = name ll");
    for line in ["exit", "r1 = 0x5", "callx r1", "gotox r1", "w1 = *(u32 *)(r2 + 0x8)"] {
        assert_eq!(with(line), line);
    }
}
