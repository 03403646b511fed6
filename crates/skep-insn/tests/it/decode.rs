//! Decoding and its inverse.

use skep_insn::{Cpu, DecodeErrorKind, Endian, Insn, RawInsn, Reg, SLOT_BYTES};

use crate::{samples, spec};

/// Decodes `slot`, with an empty second slot behind it.
fn decode(slot: RawInsn) -> Result<Insn, DecodeErrorKind> {
    Insn::decode(&[slot, RawInsn::default()]).map_err(|err| err.kind)
}

#[track_caller]
fn agrees_with_the_specification(slot: RawInsn) {
    match decode(slot) {
        Ok(insn) => {
            assert!(spec::is_valid(slot), "{slot:?} is not valid but is {insn:?}");
            let encoded = insn.encode();
            assert_eq!(encoded.as_slice()[0], slot, "{insn:?}");
            assert_eq!(encoded.as_slice().len(), if slot.code == 0x18 { 2 } else { 1 });
            assert!(encoded.as_slice()[1..].iter().all(|&second| second == RawInsn::default()));
        }
        Err(kind) => assert!(!spec::is_valid(slot), "{slot:?} is valid but: {kind}"),
    }
}

#[test]
fn every_opcode_with_every_pair_of_registers() {
    for code in 0..=u8::MAX {
        for regs in 0..=u8::MAX {
            for off in [0, 1, 8] {
                for imm in [0, 1, 16] {
                    agrees_with_the_specification(RawInsn::new(code, regs & 15, regs >> 4, off, imm));
                }
            }
        }
    }
}

#[test]
fn every_opcode_with_every_offset() {
    for code in 0..=u8::MAX {
        for off in i16::MIN..=i16::MAX {
            agrees_with_the_specification(RawInsn::new(code, 0, 0, off, 0));
        }
    }
}

#[test]
fn every_opcode_with_many_immediates() {
    let edges = samples::IMMS.into_iter().chain((0..32).map(|bit| 1 << bit));
    for imm in edges.chain(-0x200..0x400) {
        for code in 0..=u8::MAX {
            for (src, off) in [(0, 0), (1, 0), (2, 0), (2, 1), (6, 0), (0, 1)] {
                agrees_with_the_specification(RawInsn::new(code, 0, src, off, imm));
            }
        }
    }
}

#[test]
fn every_combination_of_edge_values() {
    let mut valid = 0;
    for slot in samples::slots() {
        agrees_with_the_specification(slot);
        valid += u32::from(spec::is_valid(slot));
    }
    assert!(valid > 20_000, "{valid}");
}

#[test]
fn every_insn_encodes_to_what_it_decodes_from_in_both_endians() {
    for insn in samples::insns() {
        let encoded = insn.encode();
        assert_eq!(Insn::decode(encoded.as_slice()), Ok(insn));
        for endian in [Endian::Little, Endian::Big] {
            let bytes: Vec<u8> = encoded.as_slice().iter().flat_map(|slot| slot.to_bytes(endian)).collect();
            assert_eq!(RawInsn::slots(&bytes, endian).as_deref(), Some(encoded.as_slice()));
        }
    }
}

#[test]
fn big_endian_swaps_the_nibbles_of_the_registers() {
    let bytes = [0x61, 0x12, 0x00, 0x08, 0, 0, 0, 0];
    let slot = RawInsn::from_bytes(bytes, Endian::Big);
    assert_eq!(decode(slot).unwrap().to_string(), "w1 = *(u32 *)(r2 + 0x8)");
    assert_eq!(slot.to_bytes(Endian::Big), bytes);
    assert_eq!(slot.to_bytes(Endian::Little), [0x61, 0x21, 0x08, 0, 0, 0, 0, 0]);
}

#[test]
fn code_comes_in_whole_slots() {
    for len in 0..=3 * SLOT_BYTES {
        let slots = RawInsn::slots(&vec![0x95; len], Endian::Little);
        assert_eq!(slots.map(|slots| slots.len()), (len % SLOT_BYTES == 0).then_some(len / SLOT_BYTES));
    }
}

/// The fields that a form leaves unused, on one example of each form.
const UNUSED: &[(&str, &str)] = &[
    ("w1 += 0x5", "src off"),
    ("w1 += w2", "off imm"),
    ("r1 += 0x5", "src off"),
    ("r1 += r2", "off imm"),
    ("r1 /= 0x5", "src"),
    ("r1 /= r2", "imm"),
    ("w1 s%= 0x5", "src"),
    ("w1 s%= w2", "imm"),
    ("r1 = 0x5", "src off"),
    ("r1 = r2", "imm"),
    ("w1 = w2", "imm"),
    ("r1 = (s8)r2", "imm"),
    ("w1 = (s16)w2", "imm"),
    ("r1 = -r1", "src off imm"),
    ("w1 = -w1", "src off imm"),
    ("r1 = be16 r1", "src off"),
    ("r1 = le32 r1", "src off"),
    ("r1 = bswap64 r1", "src off"),
    ("r1 = 0x5 ll", "off"),
    ("w1 = *(u32 *)(r2 + 0x0)", "imm"),
    ("r1 = *(s8 *)(r2 + 0x0)", "imm"),
    ("*(u64 *)(r1 + 0x0) = 0x5", "src"),
    ("*(u64 *)(r1 + 0x0) = r2", "imm"),
    ("r0 = *(u8 *)skb[0x5]", "dst src off"),
    ("r0 = *(u8 *)skb[r2 + 0x5]", "dst off"),
    ("goto +0x0", "dst src imm"),
    ("gotol +0x0", "dst src off"),
    ("gotox r1", "src off imm"),
    ("if r1 == 0x5 goto +0x0", "src"),
    ("if r1 == r2 goto +0x0", "imm"),
    ("if w1 s<= 0x5 goto +0x0", "src"),
    ("if w1 s<= w2 goto +0x0", "imm"),
    ("may_goto +0x0", "dst src imm"),
    ("call 0x5", "dst off"),
    ("call pc+0x5", "dst off"),
    ("call kfunc(0x5)", "dst"),
    ("callx r1", "src off imm"),
    ("exit", "dst src off imm"),
];

#[test]
fn every_unused_field_is_reserved() {
    let mut refused = 0;
    for &(text, unused) in UNUSED {
        let insn = skep_insn::text::parse(text).unwrap();
        let slots = insn.encode();
        let slot = slots.as_slice()[0];
        for field in unused.split(' ') {
            let mut bad = slot;
            let value = match field {
                "dst" => {
                    bad = RawInsn::new(slot.code, 3, slot.src(), slot.off, slot.imm);
                    3
                }
                "src" => {
                    bad = slot.with_src(3);
                    3
                }
                "off" => {
                    bad.off = -3;
                    -3
                }
                _ => {
                    bad.imm = -3;
                    -3
                }
            };
            let found = decode(bad);
            let field = ["dst", "src", "off", "imm"].into_iter().find(|&name| name == field).unwrap();
            assert_eq!(found, Err(DecodeErrorKind::Reserved { field, value }), "{text}: {field}");
            refused += 1;
        }
    }
    assert_eq!(refused, 68);
}

/// `code dst src off imm` of a slot, and why it is refused.
const REFUSED: &[([i32; 5], &str)] = &[
    // Reserved fields, as they are worded.
    ([0x07, 1, 2, 0, 5], "reserved field src is 0x2, expected 0"),
    ([0x95, 0, 0, -1, 0], "reserved field off is -0x1, expected 0"),
    // Registers.
    ([0x07, 11, 0, 0, 5], "register dst is r11, expected r0 to r10"),
    ([0x0f, 0, 15, 0, 0], "register src is r15, expected r0 to r10"),
    ([0x79, 1, 12, 0, 0], "register src is r12, expected r0 to r10"),
    ([0x7b, 13, 1, 0, 0], "register dst is r13, expected r0 to r10"),
    ([0xdb, 1, 11, 0, 0], "register src is r11, expected r0 to r10"),
    ([0x50, 0, 14, 0, 0], "register src is r14, expected r0 to r10"),
    ([0x18, 11, 0, 0, 0], "register dst is r11, expected r0 to r10"),
    ([0x8d, 11, 0, 0, 0], "register dst is r11, expected r0 to r10"),
    ([0x0d, 11, 0, 0, 0], "register dst is r11, expected r0 to r10"),
    // Variants.
    ([0x37, 1, 0, 2, 5], "off is 0x2, expected 0 (unsigned) or 1 (signed)"),
    ([0x9c, 1, 2, -1, 0], "off is -0x1, expected 0 (unsigned) or 1 (signed)"),
    ([0xbf, 1, 2, 64, 0], "off is 0x40, expected 0, 8, 16, 32 (sign extension) or 1 (addr_space_cast)"),
    ([0xbc, 1, 2, 32, 0], "off is 0x20, expected 0, 8 or 16"),
    ([0xbc, 1, 2, 1, 0], "off is 0x1, expected 0, 8 or 16"),
    ([0xbc, 1, 2, 1, 1], "reserved field imm is 0x1, expected 0"),
    ([0xb7, 1, 0, 8, 1], "reserved field off is 0x8, expected 0"),
    ([0xd4, 1, 0, 0, 8], "imm is 0x8, expected 16, 32 or 64"),
    ([0xdc, 1, 0, 0, 0], "imm is 0x0, expected 16, 32 or 64"),
    ([0xd7, 1, 0, 0, 128], "imm is 0x80, expected 16, 32 or 64"),
    ([0x85, 0, 3, 0, 1], "src is 0x3, expected 0 (helper), 1 (subprogram) or 2 (kfunc)"),
    ([0x85, 0, 15, 1, 1], "src is 0xf, expected 0 (helper), 1 (subprogram) or 2 (kfunc)"),
    ([0x18, 1, 7, 0, 0], "src is 0x7, expected 0 to 6"),
    ([0x18, 1, 15, 0, 0], "src is 0xf, expected 0 to 6"),
    (
        [0xdb, 1, 2, 0, 0x10],
        "imm is 0x10, expected an atomic operation (0x00, 0x40, 0x50, 0xa0, with or without 0x01, 0xe1, 0xf1, 0x100, 0x110)",
    ),
    ([0xdb, 1, 2, 0, 0xe0], "imm is 0xe0, expected the fetch flag (0x01) in xchg and cmpxchg"),
    ([0xc3, 1, 2, 0, 0xf0], "imm is 0xf0, expected the fetch flag (0x01) in xchg and cmpxchg"),
    ([0xcb, 1, 2, 0, 0], "imm is 0x0, expected load_acquire (0x100) or store_release (0x110) at this size"),
    (
        [0xd3, 1, 2, 0, 0xe1],
        "imm is 0xe1, expected load_acquire (0x100) or store_release (0x110) at this size",
    ),
    // Opcodes.
    ([0x00, 0, 0, 0, 0], "unknown opcode 0x00"),
    ([0x06, 0, 0, 1, 0], "reserved field off is 0x1, expected 0"),
    ([0x0e, 0, 0, 0, 0], "unknown opcode 0x0e"),
    ([0x38, 0, 0, 0, 0], "unknown opcode 0x38"),
    ([0x99, 1, 2, 0, 0], "unknown opcode 0x99"),
    ([0xdf, 1, 0, 0, 16], "unknown opcode 0xdf"),
    ([0x8f, 1, 0, 0, 0], "unknown opcode 0x8f"),
    ([0x86, 0, 0, 0, 0], "unknown opcode 0x86"),
    ([0x96, 0, 0, 0, 0], "unknown opcode 0x96"),
    ([0x9d, 0, 0, 0, 0], "unknown opcode 0x9d"),
    ([0xe6, 0, 0, 0, 0], "unknown opcode 0xe6"),
    ([0xff, 0, 0, 0, 0], "unknown opcode 0xff"),
];

#[test]
fn refusals_say_what_is_wrong() {
    for &([code, dst, src, off, imm], message) in REFUSED {
        let byte = |field: i32| u8::try_from(field).unwrap();
        let slot = RawInsn::new(byte(code), byte(dst), byte(src), off.try_into().unwrap(), imm);
        assert_eq!(decode(slot).map_err(|kind| kind.to_string()), Err(message.to_owned()), "{slot:?}");
    }
}

#[test]
fn ld_imm64_needs_a_clean_second_slot() {
    let first = RawInsn::new(0x18, 1, 0, 0, 1);
    let refused = |slots: &[RawInsn]| Insn::decode(slots).unwrap_err().to_string();
    assert_eq!(refused(&[first]), "ld_imm64 lacks its second slot in insn 0x18 dst 1 src 0 off 0 imm 0x1");
    for second in [
        RawInsn::new(0x95, 0, 0, 0, 0),
        RawInsn::new(0, 1, 0, 0, 0),
        RawInsn::new(0, 0, 1, 0, 0),
        RawInsn::new(0, 0, 0, 1, 0),
    ] {
        let message = format!(
            "second slot of ld_imm64 is {second:?}, expected only an imm in insn 0x18 dst 1 src 0 off 0 imm 0x1"
        );
        assert_eq!(refused(&[first, second]), message);
    }
    for (src, takes_second) in
        [(0, true), (1, false), (2, true), (3, true), (4, false), (5, false), (6, true)]
    {
        let slots = [first.with_src(src), RawInsn::new(0, 0, 0, 0, 7)];
        match Insn::decode(&slots) {
            Ok(insn) => {
                assert!(takes_second, "{src}");
                assert_eq!(insn.encode().as_slice(), slots);
            }
            Err(err) => {
                assert!(!takes_second, "{src}");
                assert_eq!(err.kind, DecodeErrorKind::Reserved { field: "imm of the second slot", value: 7 });
            }
        }
    }
    assert_eq!(Insn::decode(&[]).unwrap_err().kind, DecodeErrorKind::Empty);
}

#[test]
fn each_insn_knows_the_version_that_brought_it() {
    for (text, cpu) in [
        ("r1 += 0x1", Cpu::V1),
        ("w1 += w2", Cpu::V1),
        ("if r1 s> r2 goto +0x1", Cpu::V1),
        ("lock *(u32 *)(r1 + 0x0) += w2", Cpu::V1),
        ("callx r1", Cpu::V1),
        ("if r1 < r2 goto +0x1", Cpu::V2),
        ("if r1 s<= 0x1 goto +0x1", Cpu::V2),
        ("if w1 s<= 0x1 goto +0x1", Cpu::V3),
        ("lock *(u64 *)(r1 + 0x0) |= r2", Cpu::V3),
        ("r2 = atomic_fetch_add((u64 *)(r1 + 0x0), r2)", Cpu::V3),
        ("r1 = (s8)r2", Cpu::V4),
        ("r1 s/= r2", Cpu::V4),
        ("r1 = bswap16 r1", Cpu::V4),
        ("gotol +0x1", Cpu::V4),
        ("r1 = *(s8 *)(r2 + 0x0)", Cpu::V4),
        ("r1 = load_acquire((u64 *)(r2 + 0x0))", Cpu::V4),
    ] {
        assert_eq!(skep_insn::text::parse(text).unwrap().cpu(), cpu, "{text}");
    }
}

#[test]
fn there_are_eleven_registers() {
    for number in 0..=u8::MAX {
        assert_eq!(Reg::new(number).map(Reg::number), (number <= 10).then_some(number));
    }
    assert!((0..).zip(Reg::ALL).all(|(number, reg)| reg.number() == number));
}
