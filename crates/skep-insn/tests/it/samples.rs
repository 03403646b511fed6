//! Every valid instruction, over edge values of every field.
//!
//! Enumerated from the encoding, not from [`Insn`]: every opcode byte, with every register field, and the offsets and
//! immediates that any instruction gives a meaning to. What decodes is a sample.

use skep_insn::{Insn, RawInsn};

pub(crate) const OFFS: [i16; 14] = [0, 1, -1, 2, 3, 7, 8, 16, 32, 64, 255, -8, i16::MIN, i16::MAX];

pub(crate) const IMMS: [i32; 38] = [
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
    256,
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
    0x8000,
];

/// Every slot to try, without the register numbers above 10 (which no instruction takes) unless `all_registers`.
pub(crate) fn slots(all_registers: bool) -> impl Iterator<Item = RawInsn> {
    let numbers = if all_registers { 16 } else { 11 };
    (0..=u8::MAX).flat_map(move |code| {
        (0..numbers).flat_map(move |dst| {
            (0..numbers).flat_map(move |src| {
                OFFS.iter()
                    .flat_map(move |&off| IMMS.iter().map(move |&imm| RawInsn::new(code, dst, src, off, imm)))
            })
        })
    })
}

/// Every instruction with a few registers.
pub(crate) fn insns() -> Vec<Insn> {
    let mut insns = Vec::new();
    for slot in slots(false) {
        // Registers are all alike: a few combinations will do, among them the same one twice.
        if !matches!((slot.dst(), slot.src()), (0..=6, 0..=6) | (10, 0 | 9 | 10) | (9, 10)) {
            continue;
        }
        if slot.code != 0x18 {
            insns.extend(Insn::decode(&[slot]).ok());
            continue;
        }
        for second in IMMS {
            insns.extend(Insn::decode(&[slot, RawInsn::new(0, 0, 0, 0, second)]).ok());
        }
    }
    insns
}
