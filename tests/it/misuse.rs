//! What no engine may run: unknown encodings, reserved fields that are set, jumps to nowhere.

use skep_insn::{DecodeErrorKind, Endian, Insn, RawInsn};
use skep_tests::compare::names_in;
use skep_tests::engine::{self, Engine, Refused};
use skep_tests::kernel::Kernel;
use skep_tests::names::{self, Undefined};
use skep_tests::report::{Counts, tell};
use skep_tests::slot::{CALL, EXIT, Fields, LD_IMM64, Slot, atomic, fields, insn};
use skep_tests::wrap::Body;

/// Values that each field takes in turn: what instructions use, and what none does.
const REGISTERS: [u8; 11] = [0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 15];
const OFFSETS: [i16; 11] = [0, 1, 2, 3, 8, 16, 24, 32, 64, -1, i16::MIN];
const IMMEDIATES: [i32; 23] = [
    0,
    1,
    2,
    8,
    16,
    32,
    48,
    64,
    atomic::OR,
    atomic::AND,
    atomic::XOR,
    atomic::OR | atomic::FETCH,
    atomic::AND | atomic::FETCH,
    atomic::XOR | atomic::FETCH,
    atomic::XCHG,
    atomic::XCHG & !atomic::FETCH,
    atomic::CMPXCHG,
    atomic::CMPXCHG & !atomic::FETCH,
    atomic::LOAD_ACQUIRE,
    atomic::STORE_RELEASE,
    0x101,
    -1,
    i32::MIN,
];

/// The decoder takes what the tables of the standard have, and refuses the rest for the same reason.
#[test]
fn the_decoder_knows_exactly_the_instructions_of_the_tables() {
    let mut valid = 0;
    let mut invalid = 0;
    for code in 0..=u8::MAX {
        for (dst, src) in REGISTERS.into_iter().flat_map(|dst| REGISTERS.map(|src| (dst, src))) {
            for (off, imm) in OFFSETS.into_iter().flat_map(|off| IMMEDIATES.map(|imm| (off, imm))) {
                let slots = [insn(code, dst, src, off, imm), insn(0, 0, 0, 0, 0)];
                let expected = names::check(&slots);
                let found = Insn::decode(&slots.map(raw));
                match (&found, &expected) {
                    (Ok(_), Ok(())) => valid += 1,
                    (Err(error), Err(reason)) if same(error.kind, *reason, fields(slots[0])) => invalid += 1,
                    _ => panic!("{:?} decodes to {found:?}, expected {expected:?}", raw(slots[0])),
                }
            }
        }
    }
    assert!(valid > 100_000 && invalid > 1_000_000, "{valid} valid and {invalid} invalid slots");
}

fn raw(slot: Slot) -> RawInsn {
    RawInsn::from_bytes(slot, Endian::Little)
}

/// Whether the decoder names the reason. Where several fields are wrong, any of them will do.
fn same(found: DecodeErrorKind, expected: Undefined, of: Fields) -> bool {
    let field = |name: &str| match expected {
        Undefined::Reserved(field) | Undefined::Register(field) | Undefined::Variant(field) => {
            field == name || several_wrong(of)
        }
        _ => false,
    };
    match found {
        DecodeErrorKind::Opcode(code) => expected == Undefined::Opcode && code == of.code,
        DecodeErrorKind::Reserved { field: name, .. }
        | DecodeErrorKind::Register { field: name, .. }
        | DecodeErrorKind::Variant { field: name, .. } => field(name),
        _ => false,
    }
}

/// Whether no single field is to blame: setting any one of them to 0 does not make the slot valid.
fn several_wrong(f: Fields) -> bool {
    let repaired = [
        insn(f.code, 0, f.src, f.off, f.imm),
        insn(f.code, f.dst, 0, f.off, f.imm),
        insn(f.code, f.dst, f.src, 0, f.imm),
        insn(f.code, f.dst, f.src, f.off, 0),
    ];
    repaired.iter().all(|&slot| names::check(&[slot, insn(0, 0, 0, 0, 0)]).is_err()) || {
        // A variant that does not exist may also be read as a reserved field of the variant 0.
        repaired.iter().filter(|&&slot| names::check(&[slot, insn(0, 0, 0, 0, 0)]).is_ok()).count() > 1
    }
}

/// One wrong field in each valid instruction: refused by each engine, and by the kernel.
#[test]
fn one_wrong_field_is_refused_end_to_end() {
    let engines = engine::user_space();
    let kernel = Kernel::open_or_skip("misuse of instructions");
    let mut kinds = Counts::default();
    let mut reasons = Counts::default();
    for valid in valid_instructions() {
        for slots in with_one_wrong_field(&valid) {
            let Err(reason) = names::check(&slots) else { continue };
            let name = names::name(&valid).unwrap();
            let program = program_of(&slots);
            for engine in &engines {
                let refused = refused(&**engine, &program);
                assert!(
                    refused.reason.contains(message(reason)),
                    "{} says of {:?}: {}",
                    engine.name(),
                    raw(slots[0]),
                    refused.reason
                );
            }
            kinds.add(&format!("{name}: {reason:?}"), 1);
            if let Some(kernel) = &kernel {
                let said = refused_by_kernel(kernel, &program);
                reasons.add(&said, 1);
            }
        }
    }
    eprintln!("{}", reasons.table());
    assert!(kinds.0.len() >= 45, "{} kinds of misuse only", kinds.0.len());
    tell(&format!(
        "misuse: {} kinds of wrong fields in {} encodings refused by all engines, {} by the kernel",
        kinds.0.len(),
        kinds.total(),
        reasons.total(),
    ));
}

/// A program with this instruction in it, and a function if it refers to one.
fn program_of(slots: &[Slot]) -> Vec<Slot> {
    let body = Body::new(slots);
    match fields(slots[0]) {
        Fields { code: CALL, src: 1, .. } | Fields { code: LD_IMM64, src: 4, .. } => {
            body.functions(&[ZERO, END]).wrap().slots
        }
        _ => body.wrap().slots,
    }
}

fn refused(engine: &dyn Engine, program: &[Slot]) -> Refused {
    match engine.load(program) {
        Err(refused) => refused,
        Ok(_) => panic!("{} takes {:?}", engine.name(), names_in(program)),
    }
}

fn refused_by_kernel(kernel: &Kernel, program: &[Slot]) -> String {
    let said = refused(kernel, program).reason;
    said.chars().map(|c| if c.is_ascii_digit() { 'N' } else { c }).collect()
}

/// Words that the message has.
fn message(reason: Undefined) -> &'static str {
    match reason {
        Undefined::Opcode => "unknown opcode",
        Undefined::Reserved(_) => "reserved field",
        Undefined::Register(_) => "expected r0 to r10",
        Undefined::Variant(_) => "expected",
        Undefined::SecondSlot => "second slot",
    }
}

/// One valid encoding of each instruction.
fn valid_instructions() -> Vec<Vec<Slot>> {
    let mut missing = names::all();
    let mut found = Vec::new();
    for code in 0..=u8::MAX {
        for src in REGISTERS {
            for (off, imm) in OFFSETS.into_iter().flat_map(|off| IMMEDIATES.map(|imm| (off, imm))) {
                let mut slots = [insn(code, 0, src, off, imm), insn(0, 0, 0, 0, 0)];
                if names::name(&slots).is_ok_and(|name| missing.remove(&name)) {
                    if (code, src) == (LD_IMM64, 4) {
                        slots[0] = insn(code, 0, src, off, 1); // the slot behind it, not its second one
                    }
                    found.push(slots[..if code == LD_IMM64 { 2 } else { 1 }].to_vec());
                }
            }
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
    found
}

fn with_one_wrong_field(valid: &[Slot]) -> Vec<Vec<Slot>> {
    let f = fields(valid[0]);
    let mut all = Vec::new();
    let mut add = |first: Slot| {
        let mut slots = valid.to_vec();
        slots[0] = first;
        all.push(slots);
    };
    for reg in [1, 3, 10, 11, 12, 15] {
        add(insn(f.code, reg, f.src, f.off, f.imm));
        add(insn(f.code, f.dst, reg, f.off, f.imm));
    }
    for off in [1, 2, 4, 8, 64, -1, i16::MIN] {
        add(insn(f.code, f.dst, f.src, off, f.imm));
    }
    for imm in [1, 2, 8, 63, 128, -1, i32::MIN, 0x111] {
        add(insn(f.code, f.dst, f.src, f.off, imm));
    }
    if let [first, second] = valid {
        for wrong in [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0x10, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0x80]] {
            let mut second = *second;
            second[..4].copy_from_slice(&wrong);
            all.push(vec![*first, second]);
        }
        all.push(vec![*first, insn(0, 0, 0, 0, 1)]);
    }
    all
}

/// Opcodes that mean nothing: all of them.
#[test]
fn unknown_opcodes_are_refused_end_to_end() {
    let engines = engine::user_space();
    let kernel = Kernel::open_or_skip("unknown opcodes");
    let known: Vec<Slot> = valid_instructions().iter().map(|slots| slots[0]).collect();
    let unknown = (0..=u8::MAX).filter(|&code| !known.iter().any(|slot| slot[0] == code));
    let mut count = 0;
    for code in unknown {
        let program = Body::new(&[insn(code, 0, 0, 0, 0)]).wrap().slots;
        for engine in &engines {
            let said = refused(&**engine, &program).reason;
            assert!(said.contains(&format!("unknown opcode {code:#04x}")), "{said}");
        }
        if let Some(kernel) = &kernel {
            refused_by_kernel(kernel, &program);
        }
        count += 1;
    }
    assert_eq!(count, 256 - known_opcodes(&known));
}

fn known_opcodes(known: &[Slot]) -> usize {
    known.iter().map(|slot| slot[0]).collect::<std::collections::BTreeSet<_>>().len()
}

const NOP: Slot = insn(0xbf, 0, 0, 0, 0);
const END: Slot = insn(EXIT, 0, 0, 0, 0);
const ZERO: Slot = insn(0xb7, 0, 0, 0, 0);

/// Programs whose instructions are valid one by one.
#[test]
fn programs_that_go_astray_are_refused_end_to_end() {
    let check = |what: &str, program: &[Slot], expected: &str| {
        for engine in engine::user_space() {
            let said = refused(&*engine, program).reason;
            assert!(said.contains(expected), "{what}: {} says: {said}", engine.name());
        }
        if let Ok(kernel) = Kernel::open() {
            refused_by_kernel(&kernel, program);
        }
    };
    let imm64 = [insn(LD_IMM64, 0, 0, 0, 1), insn(0, 0, 0, 0, 0)];
    check("nothing", &[], "empty");
    check("no exit", &[ZERO], "falls off the end");
    check("exit on one way only", &[ZERO, insn(0x15, 0, 0, 1, 0), END, NOP], "falls off the end");
    check("half of ld_imm64", &[ZERO, imm64[0]], "lacks its second slot");
    check("the other half", &[ZERO, imm64[1], END], "unknown opcode 0x00");
    check("ld_imm64 and something", &[imm64[0], END, END], "second slot of ld_imm64 is");
    for (code, back) in
        [(0x05, false), (0x15, false), (0x16, false), (0xe5, false), (0x05, true), (0xdd, true)]
    {
        let off = |by: i16| if back { insn(code, 0, 0, -by - 2, 0) } else { insn(code, 0, 0, by, 0) };
        check("jump out", &[ZERO, off(7), END], "leaves function 'main'");
        check("jump to the end", &[ZERO, insn(code, 0, 0, 1, 0), END], "leaves function 'main'");
    }
    check("long jump out", &[ZERO, insn(0x06, 0, 0, 0, i32::MAX), END], "leaves function 'main'");
    check("long jump back", &[ZERO, insn(0x06, 0, 0, 0, i32::MIN), END], "leaves function 'main'");
    for code in [0x05, 0x15, 0x1e, 0xe5] {
        let program = [ZERO, insn(code, 0, 0, 1, 0), imm64[0], imm64[1], END];
        check("jump into ld_imm64", &program, "second slot of ld_imm64");
        let program = [ZERO, imm64[0], imm64[1], insn(code, 0, 0, -2, 0), END];
        check("jump back into ld_imm64", &program, "second slot of ld_imm64");
    }
    let long = [ZERO, insn(0x06, 0, 0, 0, 1), imm64[0], imm64[1], END];
    check("long jump into ld_imm64", &long, "second slot of ld_imm64");
    check("call out", &[insn(0x85, 0, 1, 0, 5), END], "outside");
    check("call back out", &[insn(0x85, 0, 1, 0, -5), END], "outside");
    let program = [insn(0x85, 0, 1, 0, 2), END, imm64[0], imm64[1], END];
    check("call into ld_imm64", &program, "inside an instruction");
    let across = [insn(0x85, 0, 1, 0, 2), insn(0x05, 0, 0, 2, 0), END, ZERO, END];
    check("jump into another function", &across, "sub_3");
    let falls = [insn(0x85, 0, 1, 0, 1), ZERO, ZERO, END];
    check("fall into another function", &falls, "falls off the end");
    let address = [insn(LD_IMM64, 1, 4, 0, 9), insn(0, 0, 0, 0, 0), ZERO, END];
    check("address of no function", &address, "outside");
}

/// Each instruction that would write the frame pointer.
#[test]
fn the_frame_pointer_is_read_only() {
    let engines = engine::user_space();
    let kernel = Kernel::open_or_skip("writes of r10");
    let mut count = 0;
    for valid in valid_instructions() {
        let f = fields(valid[0]);
        // Where dst is a base or an operand only, r10 is right there.
        let name = names::name(&valid).unwrap();
        let writes_dst =
            matches!(f.code & 7, 0 | 1 | 4 | 7) && !name.starts_with("ld_abs") && !name.starts_with("ld_ind")
                || name.starts_with("load_acquire");
        let writes_src = name.starts_with("atomic fetch") || name.starts_with("atomic xchg");
        let (dst, src) = match (writes_dst, writes_src) {
            (true, _) => (10, f.src),
            (_, true) => (f.dst, 10),
            _ => continue,
        };
        let mut slots = valid.clone();
        slots[0] = insn(f.code, dst, src, f.off, f.imm);
        let program = program_of(&slots);
        for engine in &engines {
            let said = refused(&**engine, &program).reason;
            assert!(said.contains("r10 is written"), "{name}: {} says: {said}", engine.name());
        }
        if let Some(kernel) = &kernel {
            refused_by_kernel(kernel, &program);
        }
        count += 1;
    }
    assert!(count >= 80, "{count} instructions only");
}

/// Instructions that need a kernel, or what bare code cannot have.
#[test]
fn what_needs_a_kernel_is_refused_by_name() {
    let check = |slots: &[Slot], expected: &str| {
        let program = Body::new(slots).wrap().slots;
        for engine in engine::user_space() {
            let said = refused(&*engine, &program).reason;
            assert!(said.contains(expected), "{:?}: {} says: {said}", names_in(slots), engine.name());
        }
    };
    let second = insn(0, 0, 0, 0, 0);
    for src in [1, 2, 3, 5, 6] {
        check(&[insn(LD_IMM64, 1, src, 0, 3), second], "expected a relocation against a symbol");
    }
    for code in [0x20, 0x28, 0x30, 0x40, 0x48, 0x50] {
        check(&[insn(code, 0, 0, 0, 0)], "packet");
    }
    check(&[insn(0xbf, 1, 2, 1, 1)], "arena");
    check(&[insn(0x85, 0, 2, 0, 77)], "BTF id 77");
    check(&[insn(0x85, 0, 2, 1, 77)], "BTF id 77");
    check(&[insn(0x85, 0, 0, 0, 9999)], "9999");
    check(&[insn(0x85, 0, 0, 0, -1)], "-1");
}
