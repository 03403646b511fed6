//! Instructions over edge values of every field.
//!
//! Enumerated from the encoding, not from [`Insn`]: what decodes is a sample.

use skep_insn::{Insn, RawInsn};

pub(crate) const OFFS: [i16; 11] = [0, 1, -1, 2, 8, 16, 32, -8, 0x100, i16::MIN, i16::MAX];

pub(crate) const IMMS: [i32; 36] = [
    0,
    1,
    -1,
    2,
    5,
    -5,
    9,
    10,
    16,
    32,
    64,
    127,
    -128,
    255,
    0x40,
    0x41,
    0x50,
    0x51,
    0x80,
    0xa0,
    0xa1,
    0xe0,
    0xe1,
    0xf0,
    0xf1,
    0x100,
    0x101,
    0x110,
    0x111,
    0x1_0000,
    0x1_0001,
    0x1234_5678,
    -0x1234_5678,
    -0x7fff_ffff,
    i32::MIN,
    i32::MAX,
];

/// Registers `(dst, src)`: the edges, what selects a variant, and the same one twice.
const REGS: [(u8, u8); 11] =
    [(0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (3, 3), (4, 4), (1, 5), (9, 10), (10, 6), (10, 10)];

/// Every opcode with every combination of these fields.
pub(crate) fn slots() -> impl Iterator<Item = RawInsn> {
    (0..=u8::MAX).flat_map(|code| {
        REGS.iter().flat_map(move |&(dst, src)| {
            OFFS.iter()
                .flat_map(move |&off| IMMS.iter().map(move |&imm| RawInsn::new(code, dst, src, off, imm)))
        })
    })
}

/// Every instruction with every combination of these fields.
pub(crate) fn insns() -> Vec<Insn> {
    let mut insns = Vec::new();
    for slot in slots() {
        if slot.code == 0x18 {
            let second = |imm| RawInsn::new(0, 0, 0, 0, imm);
            insns.extend(IMMS.iter().flat_map(|&imm| Insn::decode(&[slot, second(imm)])));
        } else {
            insns.extend(Insn::decode(&[slot]));
        }
    }
    assert!(insns.len() > 30_000, "{}", insns.len());
    insns
}
