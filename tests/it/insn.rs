//! Each instruction on edge values: the interpreter in all its modes, the kernel, and the oracle leave the same
//! registers, memory and stack.

use std::collections::BTreeSet;
use std::thread;

use skep_tests::compare::{Judge, Verdict, listing};
use skep_tests::engine::Memory;
use skep_tests::kernel::Kernel;
use skep_tests::names;
use skep_tests::random::{EDGES, Random};
use skep_tests::report::{Counts, tell};
use skep_tests::slot::{
    CALL, CALLX, EXIT, GOTO, GOTOL, LD_IMM64, MAY_GOTO, X, alu, atomic, class, cond, insn, load_imm64, mode,
    size,
};
use skep_tests::wrap::{Body, Pointer, input};

/// Instructions that are not compared in the kernel, and why.
const NOT_IN_KERNEL: [(&str, &str); 17] = [
    ("callx", "the kernel has no computed calls; compared with the oracle"),
    ("gotox", "needs a jump table in data: see cases/data/jump_table.s"),
    ("addr_space_cast", "needs an arena; refused in user space"),
    ("call helper", "helpers have tests of their own"),
    ("call kfunc", "means something to one kernel only; refused in user space"),
    ("ld_imm64 src 1", "numbers of the kernel that made the map; refused in user space"),
    ("ld_imm64 src 2", "as src 1; the wrapper uses it in the kernel"),
    ("ld_imm64 src 3", "as src 1"),
    ("ld_imm64 src 4", "the kernel takes it as argument of helpers only; compared with the oracle"),
    ("ld_imm64 src 5", "as src 1"),
    ("ld_imm64 src 6", "as src 1"),
    ("ld_abs b", "reads the packet of a socket program; refused in user space"),
    ("ld_abs h", "as ld_abs b"),
    ("ld_abs w", "as ld_abs b"),
    ("ld_ind b", "as ld_abs b"),
    ("ld_ind h", "as ld_abs b"),
    ("ld_ind w", "as ld_abs b"),
];

type Section = fn(&mut Judge);

const SECTIONS: [(&str, Section); 11] = [
    ("arithmetic with registers", arithmetic_with_registers),
    ("arithmetic with immediates", arithmetic_with_immediates),
    ("neg, movsx, byte order", one_operand),
    ("loads", loads),
    ("stores", stores),
    ("atomics", atomics),
    ("acquire and release", acquire_release),
    ("conditions", conditions),
    ("gotos", gotos),
    ("ld_imm64", whole_immediates),
    ("calls", calls),
];

#[test]
fn each_instruction_agrees_on_edge_values() {
    let in_kernel = Kernel::open_or_skip("instructions in the kernel").is_some();
    let sections: Vec<_> = SECTIONS
        .iter()
        .map(|&(name, section)| {
            let run = move || {
                let mut judge = Judge::with(in_kernel.then(|| Kernel::open().unwrap()));
                section(&mut judge);
                (name, judge)
            };
            thread::Builder::new().name(name.to_owned()).spawn(run).unwrap()
        })
        .collect();
    let mut compared = Counts::default();
    let mut refused = Counts::default();
    let mut accepted = 0;
    for section in sections {
        let (name, judge) =
            section.join().unwrap_or_else(|_| panic!("a section failed; its message is above"));
        assert!(!judge.has_kernel() || judge.accepted > 0, "{name}: the kernel took none of the programs");
        accepted += judge.accepted;
        for (name, count) in &judge.in_kernel.0 {
            compared.add(name, *count);
        }
        for (reason, count) in &judge.refused.0 {
            refused.add(reason, *count);
        }
    }
    if !in_kernel {
        return;
    }
    eprintln!("cases compared in the kernel\n{}", compared.table());
    eprintln!("programs that the kernel refused\n{}", refused.table());
    let found: BTreeSet<String> = compared.0.keys().cloned().collect();
    assert_eq!(found, compared_in_kernel(), "instructions that were compared in the kernel");
    tell(&format!(
        "instructions: {} of {} compared in the kernel, in {} cases of {accepted} programs; {} programs refused",
        compared.0.len(),
        names::all().len(),
        compared.total(),
        refused.total(),
    ));
    // Fewer would mean that a section has lost its inputs.
    for (name, count) in &compared.0 {
        assert!(*count >= 10, "{name} was compared {count} times only");
    }
}

/// All instructions but those that cannot be compared there.
pub(crate) fn compared_in_kernel() -> BTreeSet<String> {
    let mut names = names::all();
    for (name, _) in NOT_IN_KERNEL {
        assert!(names.remove(name), "{name} is no instruction");
    }
    names
}

/// Compares one piece of code on all engines.
#[track_caller]
fn check(judge: &mut Judge, body: &Body, inputs: &[Memory]) -> Verdict {
    let program = body.wrap();
    judge.compare(&program, inputs).unwrap_or_else(|error| panic!("{error}\n{}", listing(&program)))
}

/// As [`check`]; the kernel has to take it.
#[track_caller]
fn check_accepted(judge: &mut Judge, body: &Body, inputs: &[Memory]) {
    if let Verdict::Refused(refused) = check(judge, body, inputs) {
        panic!("the kernel refuses it: {}\n{}", refused.log, listing(&body.wrap()));
    }
}

/// As [`check`]; the kernel must not take it, for a reason with these words in it.
#[track_caller]
fn check_refused(judge: &mut Judge, body: &Body, inputs: &[Memory], why: &str) {
    match check(judge, body, inputs) {
        Verdict::Refused(refused) => assert!(refused.reason.contains(why), "refused for: {}", refused.reason),
        Verdict::Agreed => panic!("the kernel takes it\n{}", listing(&body.wrap())),
        Verdict::Skipped => {}
    }
}

/// Registers with numbers that are told apart at a glance.
const REGS: [u64; 10] = [
    0xa0a0_0000_0000_a0a0,
    0x1111_1111_1111_1111,
    0x2222_2222_2222_2222,
    0x3333_3333_3333_3333,
    0x4444_4444_4444_4444,
    0x5555_5555_5555_5555,
    0x6666_6666_6666_6666,
    0x7777_7777_7777_7777,
    0x8888_8888_8888_8888,
    0x9999_9999_9999_9999,
];

fn with(pairs: &[(u8, u64)]) -> Memory {
    let mut regs = REGS;
    for &(reg, value) in pairs {
        regs[usize::from(reg)] = value;
    }
    input(regs)
}

/// All pairs of edge values, and random ones.
fn pairs(a: u8, b: u8) -> Vec<Memory> {
    let edges = EDGES.iter().flat_map(|&x| EDGES.iter().map(move |&y| (x, y)));
    let mut random = Random::new(u64::from(a) << 8 | u64::from(b));
    let random: Vec<_> = (0..32).map(|_| (random.value(), random.value())).collect();
    edges.chain(random).map(|(x, y)| with(&[(a, x), (b, y)])).collect()
}

/// All edge values, and random ones.
fn values(reg: u8) -> Vec<Memory> {
    let mut random = Random::new(reg.into());
    let random: Vec<u64> = (0..10).map(|_| random.bits()).collect();
    EDGES.into_iter().chain(random).map(|value| with(&[(reg, value)])).collect()
}

/// `off` and high nibble of the operations with two operands.
const OPERATIONS: [(u8, i16); 14] = [
    (alu::ADD, 0),
    (alu::SUB, 0),
    (alu::MUL, 0),
    (alu::DIV, 0),
    (alu::DIV, 1),
    (alu::OR, 0),
    (alu::AND, 0),
    (alu::LSH, 0),
    (alu::RSH, 0),
    (alu::MOD, 0),
    (alu::MOD, 1),
    (alu::XOR, 0),
    (alu::MOV, 0),
    (alu::ARSH, 0),
];

const WIDTHS: [u8; 2] = [class::ALU, class::ALU64];

const IMMEDIATES: [i32; 20] = [
    0,
    1,
    2,
    3,
    7,
    31,
    32,
    33,
    63,
    64,
    65,
    0x80,
    0xff,
    0x8000,
    0xffff,
    -1,
    -2,
    i32::MIN,
    i32::MIN + 1,
    i32::MAX,
];

fn arithmetic_with_registers(judge: &mut Judge) {
    for ((op, off), class) in OPERATIONS.into_iter().flat_map(|op| WIDTHS.map(|class| (op, class))) {
        let code = |dst, src| [insn(op | X | class, dst, src, off, 0)];
        check_accepted(judge, &Body::new(&code(1, 2)), &pairs(1, 2));
        check_accepted(judge, &Body::new(&code(7, 7)), &values(7));
        for (dst, src) in (0..10).flat_map(|dst| (0..10).map(move |src| (dst, src))) {
            let inputs = [with(&[]), with(&[(dst, 0x8000_0000_8000_0001), (src, 0xffff_ffff_0000_0003)])];
            check_accepted(judge, &Body::new(&code(dst, src)), &inputs);
        }
    }
}

fn arithmetic_with_immediates(judge: &mut Judge) {
    for ((op, off), class) in OPERATIONS.into_iter().flat_map(|op| WIDTHS.map(|class| (op, class))) {
        for imm in IMMEDIATES {
            let body = Body::new(&[insn(op | class, 3, 0, off, imm)]);
            let bits = if class == class::ALU { 32 } else { 64 };
            match op {
                alu::DIV | alu::MOD if imm == 0 => {
                    check_refused(judge, &body, &values(3), "div by zero");
                }
                alu::LSH | alu::RSH | alu::ARSH if !(0..bits).contains(&imm) => {
                    check_refused(judge, &body, &values(3), "invalid shift");
                }
                _ => check_accepted(judge, &body, &values(3)),
            }
        }
        for dst in 0..10 {
            check_accepted(judge, &Body::new(&[insn(op | class, dst, 0, off, 5)]), &values(dst));
        }
    }
}

fn one_operand(judge: &mut Judge) {
    for class in WIDTHS {
        for dst in 0..10 {
            check_accepted(judge, &Body::new(&[insn(alu::NEG | class, dst, 0, 0, 0)]), &values(dst));
        }
    }
    for (class, off) in
        [(class::ALU, 8), (class::ALU, 16), (class::ALU64, 8), (class::ALU64, 16), (class::ALU64, 32)]
    {
        for (dst, src) in (0..10).flat_map(|dst| (0..10).map(move |src| (dst, src))) {
            let body = Body::new(&[insn(alu::MOV | X | class, dst, src, off, 0)]);
            let inputs =
                if src == 4 { values(src) } else { vec![with(&[]), with(&[(src, 0x1234_5678_8765_8281)])] };
            check_accepted(judge, &body, &inputs);
        }
    }
    for code in [alu::END | class::ALU, alu::END | X | class::ALU, alu::END | class::ALU64] {
        for (dst, bits) in (0..10).flat_map(|dst| [16, 32, 64].map(|bits| (dst, bits))) {
            check_accepted(judge, &Body::new(&[insn(code, dst, 0, 0, bits)]), &values(dst));
        }
    }
}

/// The middle of the data, so that offsets go both ways.
const MIDDLE: i16 = 384;

/// Offsets that stay in the data for a base in its middle.
const OFFSETS: [i16; 14] = [0, 1, 2, 3, 4, 5, 7, 8, 120, -1, -2, -7, -8, -128];

/// Whether the verifier takes an access of the stack; elsewhere it takes any on this machine.
fn aligned(off: i16, bytes: usize) -> bool {
    usize::from(off.rem_euclid(8).unsigned_abs()).is_multiple_of(bytes)
}

fn loads(judge: &mut Judge) {
    // A pattern in which each byte, at each size, is negative at some offsets and positive at others.
    let inputs = [with(&[]), input([u64::MAX; 10])];
    let signed = size::ALL.map(|size| (mode::MEM, size)).into_iter();
    let all = signed.chain([size::B, size::H, size::W].map(|size| (mode::MEMSX, size)));
    for (mode, size) in all {
        let code = |dst, base, off| [insn(class::LDX | mode | size, dst, base, off, 0)];
        for off in OFFSETS {
            for (dst, base) in [(4, 6), (6, 6), (0, 1), (9, 2)] {
                let body = Body::new(&code(dst, base, off)).pointer(base, Pointer::Memory(MIDDLE));
                check_accepted(judge, &body, &inputs);
            }
        }
        for off in [-96i16, -95, -92, -90, -88, -40, -33] {
            let bytes = size::bytes(size);
            if usize::from(off.unsigned_abs()) < 32 + bytes {
                continue;
            }
            let by_frame = Body::new(&code(4, 10, off)).with_stack();
            let by_pointer = Body::new(&code(4, 6, off + 100)).pointer(6, Pointer::Stack(-100)).with_stack();
            for body in [by_frame, by_pointer] {
                match aligned(off, bytes) {
                    true => check_accepted(judge, &body, &inputs),
                    false => check_refused(judge, &body, &inputs, "misaligned stack access"),
                }
            }
        }
    }
}

fn stores(judge: &mut Judge) {
    for size in size::ALL {
        let bytes = size::bytes(size);
        for off in OFFSETS {
            for (base, src) in [(6, 4), (0, 1), (2, 9)] {
                let code = [insn(class::STX | mode::MEM | size, base, src, off, 0)];
                let body = Body::new(&code).pointer(base, Pointer::Memory(MIDDLE));
                check_accepted(judge, &body, &values(src));
            }
            for imm in [0, 1, -1, 0x80, 0x8000, i32::MIN, i32::MAX, 0x1234_5678] {
                let code = [insn(class::ST | mode::MEM | size, 6, 0, off, imm)];
                let body = Body::new(&code).pointer(6, Pointer::Memory(MIDDLE));
                check_accepted(judge, &body, &[with(&[])]);
            }
        }
        for off in [-96i16, -95, -92, -90, -88, -40, -33] {
            if usize::from(off.unsigned_abs()) < 32 + bytes {
                continue;
            }
            for code in [
                insn(class::STX | mode::MEM | size, 10, 4, off, 0),
                insn(class::ST | mode::MEM | size, 10, 0, off, -2),
            ] {
                let body = Body::new(&[code]).with_stack();
                match aligned(off, bytes) {
                    true => check_accepted(judge, &body, &values(4)),
                    false => check_refused(judge, &body, &values(4), "misaligned stack access"),
                }
            }
        }
    }
}

/// Memory in which the word at `MIDDLE + off` is `old`.
fn with_old(off: i16, old: u64, pairs: &[(u8, u64)]) -> Memory {
    let mut memory = with(pairs);
    memory.set_word(usize::from((MIDDLE + off).unsigned_abs()), old);
    memory
}

fn atomics(judge: &mut Judge) {
    for (imm, size) in atomic::READ_MODIFY_WRITE.into_iter().flat_map(|op| [(op, size::W), (op, size::DW)]) {
        let code = |base, src, off| [insn(class::STX | mode::ATOMIC | size, base, src, off, imm)];
        let in_memory =
            |base, src, off| Body::new(&code(base, src, off)).pointer(base, Pointer::Memory(MIDDLE));
        let mut inputs = Vec::new();
        for (old, src) in EDGES.into_iter().flat_map(|old| EDGES.map(|src| (old, src))) {
            // r0 equal to the old value, in its low half only, in its high half only, and not at all.
            for r0 in [old, old ^ 1 << 40, old ^ 1, !old] {
                if imm == atomic::CMPXCHG || r0 == old {
                    inputs.push(with_old(8, old, &[(0, r0), (4, src)]));
                }
            }
        }
        check_accepted(judge, &in_memory(6, 4, 8), &inputs);
        for (base, src) in (1..10).flat_map(|base| (0..10).map(move |src| (base, src))) {
            let inputs = [0, REGS[0], 0x8000_0000_7fff_ffff].map(|old| with_old(-8, old, &[]));
            let body = in_memory(base, src, -8);
            if base == src && imm & atomic::FETCH != 0 && imm != atomic::CMPXCHG {
                // The verifier forgets that the register is a pointer before it looks at the access.
                check_refused(judge, &body, &inputs, "misaligned access");
            } else {
                check_accepted(judge, &body, &inputs);
            }
        }
        let bytes = i16::try_from(size::bytes(size)).unwrap();
        for off in [-64, -64 - bytes] {
            let stack = Body::new(&code(10, 4, off)).with_stack();
            check_accepted(judge, &stack, &values(4));
        }
    }
}

fn acquire_release(judge: &mut Judge) {
    for size in size::ALL {
        let code = |dst, src, off, imm| [insn(class::STX | mode::ATOMIC | size, dst, src, off, imm)];
        let bytes = i16::try_from(size::bytes(size)).unwrap();
        for off in [0, bytes, -bytes, 64, -128] {
            for (base, reg) in [(6, 4), (0, 1), (9, 2), (1, 0)] {
                let load = Body::new(&code(reg, base, off, atomic::LOAD_ACQUIRE));
                let store = Body::new(&code(base, reg, off, atomic::STORE_RELEASE));
                for body in [load, store] {
                    check_accepted(judge, &body.pointer(base, Pointer::Memory(MIDDLE)), &values(reg));
                }
            }
            let body = Body::new(&code(6, 6, off, atomic::LOAD_ACQUIRE)).pointer(6, Pointer::Memory(MIDDLE));
            check_accepted(judge, &body, &values(0));
            let stack = Body::new(&code(4, 10, -64 - bytes, atomic::LOAD_ACQUIRE)).with_stack();
            check_accepted(judge, &stack, &values(0));
            let stack = Body::new(&code(10, 4, -64 - bytes, atomic::STORE_RELEASE)).with_stack();
            check_accepted(judge, &stack, &values(4));
        }
    }
}

fn conditions(judge: &mut Judge) {
    for (cond, class) in cond::ALL.into_iter().flat_map(|cond| [(cond, class::JMP), (cond, class::JMP32)]) {
        // A register that is no operand tells whether the jump was taken.
        let code = |code, dst: u8, src: u8, imm| {
            let witness = (0..10).find(|&reg| reg != dst && reg != src).unwrap();
            [insn(code | cond | class, dst, src, 1, imm), insn(0xa7, witness, 0, 0, -1)]
        };
        check_accepted(judge, &Body::new(&code(X, 1, 2, 0)), &pairs(1, 2));
        for (dst, src) in (0..10).flat_map(|dst| (0..10).map(move |src| (dst, src))) {
            let inputs = [with(&[]), with(&[(dst, 5), (src, 5)]), with(&[(dst, u64::MAX), (src, 5)])];
            check_accepted(judge, &Body::new(&code(X, dst, src, 0)), &inputs);
        }
        for imm in IMMEDIATES {
            let near = i64::from(imm).cast_unsigned();
            let zero_extended = u64::from(imm.cast_unsigned());
            let mut inputs = values(8);
            for value in [near, zero_extended, near ^ 1 << 63, near.wrapping_add(1), near.wrapping_sub(1)] {
                inputs.push(with(&[(8, value)]));
            }
            check_accepted(judge, &Body::new(&code(0, 8, 0, imm)), &inputs);
        }
        // Backwards: the loop body runs once more if the condition holds.
        let back = [
            insn(0xb7, 5, 0, 0, 0),
            insn(GOTO, 0, 0, 2, 0),
            insn(0xb7, 5, 0, 0, 1),
            insn(GOTO, 0, 0, 1, 0),
            insn(X | cond | class, 1, 2, -3, 0),
        ];
        check_accepted(judge, &Body::new(&back), &pairs(1, 2));
    }
}

fn gotos(judge: &mut Judge) {
    let inputs = values(1);
    let add = |reg, imm| insn(0x07, reg, 0, 0, imm);
    for (goto, may) in [GOTO, GOTOL].into_iter().flat_map(|goto| [(goto, false), (goto, true)]) {
        let goto = |by: i16| match goto {
            GOTO => insn(GOTO, 0, 0, by, 0),
            _ => insn(GOTOL, 0, 0, 0, by.into()),
        };
        // Each branch joins behind the other.
        let diamond = [insn(0x15, 1, 0, 2, 0), add(2, 3), goto(2), add(2, 5), goto(-4), add(3, 1)];
        let joins = [diamond[0], diamond[1], goto(1), add(2, 5), add(3, 1)];
        check_accepted(judge, &Body::new(&joins), &inputs);
        // A loop of five rounds, with its test at the end.
        let guard = if may { insn(MAY_GOTO, 0, 0, 4, 0) } else { insn(0xbf, 9, 9, 0, 0) };
        let rounds = [insn(0xb7, 5, 0, 0, 5), guard, add(2, 7), add(5, -1), insn(0x15, 5, 0, 1, 0), goto(-5)];
        check_accepted(judge, &Body::new(&rounds), &inputs);
    }
    // Far away: over code that is reached by another way.
    let mut far = vec![insn(0x15, 1, 0, 1, 0), insn(GOTOL, 0, 0, 0, 40_000)];
    far.extend((0..40_000).map(|_| add(2, 1)));
    check_accepted(judge, &Body::new(&far), &inputs[..2]);
    let mut far = vec![insn(0x15, 1, 0, 1, 0), insn(GOTO, 0, 0, 32_767, 0)];
    far.extend((0..32_767).map(|_| add(2, 1)));
    check_accepted(judge, &Body::new(&far), &inputs[..2]);
    // Exits in several places.
    let exit = [insn(0x55, 1, 0, 2, 0), insn(0xb7, 0, 0, 0, 9), insn(EXIT, 0, 0, 0, 0), add(2, 5)];
    check_accepted(judge, &Body::new(&exit), &inputs);
}

fn whole_immediates(judge: &mut Judge) {
    for value in EDGES {
        for dst in 0..10 {
            check_accepted(judge, &Body::new(&load_imm64(dst, value)), &[with(&[])]);
        }
    }
    // Jumps over it, and counts it as two slots.
    let [first, second] = load_imm64(2, 77);
    let code = [insn(0x15, 1, 0, 2, 0), first, second, insn(0x07, 2, 0, 0, 1)];
    check_accepted(judge, &Body::new(&code), &values(1));
}

fn calls(judge: &mut Judge) {
    let inputs = values(1);
    let exit = insn(EXIT, 0, 0, 0, 0);
    let call = |by| insn(CALL, 0, 1, 0, by);
    let clear = [1u8, 2, 3, 4, 5].map(|reg| insn(0xb7, reg, 0, 0, 0));

    // Arguments in, result out, r6 to r9 kept, a frame of its own.
    let mut code = vec![insn(0x7a, 10, 0, -40, 11), call(6)];
    code.extend(clear);
    code.push(insn(0x79, 2, 10, -40, 0));
    let function = [
        insn(0x7b, 10, 1, -40, 0),
        insn(0xbf, 0, 1, 0, 0),
        insn(0x0f, 0, 2, 0, 0),
        insn(0x0f, 0, 3, 0, 0),
        insn(0x0f, 0, 4, 0, 0),
        insn(0x0f, 0, 5, 0, 0),
        insn(0xb7, 6, 0, 0, 1),
        insn(0xb7, 7, 0, 0, 2),
        insn(0xb7, 8, 0, 0, 3),
        insn(0xb7, 9, 0, 0, 4),
        insn(0x79, 1, 10, -40, 0),
        insn(0x0f, 0, 1, 0, 0),
        exit,
    ];
    check_accepted(judge, &Body::new(&code).functions(&function).with_stack(), &inputs);

    // A pointer to the caller's frame goes down two calls.
    let mut code = vec![insn(0xbf, 1, 10, 0, 0), insn(0x07, 1, 0, 0, -48), call(5)];
    code.extend(clear);
    let functions = [
        insn(0x07, 1, 0, 0, -8),
        insn(0xbf, 6, 1, 0, 0),
        call(4),
        insn(0x79, 1, 6, 0, 0),
        insn(0x0f, 0, 1, 0, 0),
        insn(0xb7, 6, 0, 0, 0),
        exit,
        insn(0x79, 0, 1, 0, 0),
        insn(0x7a, 1, 0, 0, 33),
        insn(0x7a, 10, 0, -48, 34),
        exit,
    ];
    check_accepted(judge, &Body::new(&code).functions(&functions).with_stack(), &inputs);

    // Without the kernel from here on: it knows no recursion, and no computed calls.
    let mut user_space = Judge::with(None);
    let factorial = [
        insn(0x55, 1, 0, 2, 0),
        insn(0xb7, 0, 0, 0, 1),
        exit,
        insn(0xbf, 6, 1, 0, 0),
        insn(0x7b, 10, 1, -8, 0),
        insn(0x07, 1, 0, 0, -1),
        call(-7),
        insn(0x79, 1, 10, -8, 0),
        insn(0x1f, 6, 1, 0, 0),
        insn(0x0f, 1, 6, 0, 0),
        insn(0x2f, 0, 1, 0, 0),
        exit,
    ];
    let depths: Vec<Memory> = (0..25).map(|depth| with(&[(1, depth)])).collect();
    let mut code = vec![call(5)];
    code.extend(clear);
    check(&mut user_space, &Body::new(&code).functions(&factorial), &depths);

    for reg in 0..10 {
        let mut code = vec![insn(LD_IMM64, reg, 4, 0, 8), insn(0, 0, 0, 0, 0), insn(CALLX, reg, 0, 0, 0)];
        code.extend(clear);
        // The address itself differs from engine to engine.
        code.push(insn(0xb7, reg, 0, 0, 0));
        code.insert(0, insn(0xb7, 1, 0, 0, 3));
        let function = [insn(0xb7, 0, 0, 0, 77), insn(0x07, 6, 0, 0, 1), exit];
        check(&mut user_space, &Body::new(&code).functions(&function), &inputs[..3]);
    }
}
