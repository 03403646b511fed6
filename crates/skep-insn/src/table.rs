//! The opcode table: for each opcode byte its form, and what its four other fields may hold.
//!
//! To add an instruction:
//! 1. a row here, and a [`Form`] if no other has the same fields;
//! 2. a variant of [`Insn`](crate::Insn); the compiler then asks for it in decode, encode and `text/print.rs`, and for
//!    [`Insn::written`](crate::Insn::written), [`jump_offset`](crate::Insn::jump_offset),
//!    [`ends_block`](crate::Insn::ends_block) and [`cpu`](crate::Insn::cpu) look yourself;
//! 3. its text in `text/parse.rs`;
//! 4. in `tests/it`: its validity in `spec.rs`, its unused fields in `decode.rs`. The rest of the tests enumerate the
//!    encoding, and find it: round trips, `llvm-objdump` and `llvm-mc`.

use crate::insn::{AluOp, Cond, EndianOp, MemSize, Width};
use crate::raw::RawInsn;

/// What a field of the encoding holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// Unused, and therefore zero.
    Zero,
    /// A register, 0–10.
    Reg,
    /// Any value.
    Any,
    /// Selects the variant; the decoder knows the values.
    Selects,
}

/// What kind of instruction an opcode byte begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// ALU and ALU64; the second operand is a register or `imm`.
    Alu {
        op: AluOp,
        width: Width,
        reg: bool,
    },
    /// `Div` and `Mod`, and their signed forms: `off` tells.
    Divide {
        op: AluOp,
        width: Width,
        reg: bool,
    },
    /// `Mov` from a register, its sign-extending forms and `addr_space_cast`: `off` tells.
    MovReg(Width),
    Neg(Width),
    Swap(EndianOp),
    LoadImm64,
    LoadPacket {
        size: MemSize,
        indexed: bool,
    },
    Load {
        size: MemSize,
        signed: bool,
    },
    Store {
        size: MemSize,
        reg: bool,
    },
    Atomic(MemSize),
    Jump {
        long: bool,
    },
    GotoX,
    JumpIf {
        cond: Cond,
        width: Width,
        reg: bool,
    },
    MayGoto,
    Call,
    CallX,
    Exit,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) form: Form,
    pub(crate) dst: Field,
    pub(crate) src: Field,
    pub(crate) off: Field,
    pub(crate) imm: Field,
    /// The bits of [`RawInsn::bits`] that are zero because their field is.
    pub(crate) zero: u64,
}

impl Row {
    const fn new(form: Form, dst: Field, src: Field, off: Field, imm: Field) -> Row {
        const fn mask(field: Field, raw: RawInsn) -> u64 {
            if matches!(field, Field::Zero) { raw.bits() } else { 0 }
        }
        let zero = mask(dst, RawInsn::new(0, 15, 0, 0, 0))
            | mask(src, RawInsn::new(0, 0, 15, 0, 0))
            | mask(off, RawInsn::new(0, 0, 0, -1, 0))
            | mask(imm, RawInsn::new(0, 0, 0, 0, -1));
        Row { form, dst, src, off, imm, zero }
    }

    const fn plain(self) -> Plain {
        const fn selects(field: Field) -> Field {
            if matches!(field, Field::Selects) { Field::Zero } else { field }
        }
        let Row { form, dst, src, off, imm, .. } = self;
        let zero = Row::new(form, dst, selects(src), selects(off), selects(imm)).zero;
        let (known, writes) = match form {
            Form::Alu { .. } | Form::Divide { .. } | Form::MovReg(_) | Form::Neg(_) | Form::Load { .. } => {
                (true, true)
            }
            Form::LoadPacket { .. } | Form::Store { .. } => (true, false),
            Form::JumpIf { .. } | Form::MayGoto | Form::Jump { long: false } => (true, false),
            Form::Call | Form::CallX | Form::GotoX | Form::Exit => (true, false),
            // Zero selects nothing here, or there is more to look at than one slot.
            Form::Swap(_) | Form::LoadImm64 | Form::Atomic(_) | Form::Jump { long: true } => (false, false),
        };
        Plain {
            zero: if known { zero } else { !0 },
            dst_end: if writes { 10 } else { 11 },
            jumps: matches!(form, Form::JumpIf { .. } | Form::MayGoto | Form::Jump { .. }),
        }
    }
}

/// Instruction classes, the low three bits of an opcode (RFC 9669 §3.1).
pub(crate) mod class {
    pub(crate) const LD: u8 = 0;
    pub(crate) const LDX: u8 = 1;
    pub(crate) const ST: u8 = 2;
    pub(crate) const STX: u8 = 3;
    pub(crate) const ALU: u8 = 4;
    pub(crate) const JMP: u8 = 5;
    pub(crate) const JMP32: u8 = 6;
    pub(crate) const ALU64: u8 = 7;
}

/// The second operand is a register (bit 3 of arithmetic and jumps).
pub(crate) const X: u8 = 0x08;
/// Memory modes, the high three bits of loads and stores.
pub(crate) mod mode {
    pub(crate) const IMM: u8 = 0x00;
    pub(crate) const ABS: u8 = 0x20;
    pub(crate) const IND: u8 = 0x40;
    pub(crate) const MEM: u8 = 0x60;
    pub(crate) const MEMSX: u8 = 0x80;
    pub(crate) const ATOMIC: u8 = 0xc0;
}
/// High nibbles that are not in a vocabulary.
pub(crate) const NEG: u8 = 0x80;
pub(crate) const CALL: u8 = 0x80;
pub(crate) const EXIT: u8 = 0x90;
pub(crate) const MAY_GOTO: u8 = 0xe0;

/// The only opcode that takes two slots.
pub(crate) const LD_IMM64: u8 = class::LD | mode::IMM | low(MemSize::DW.bits());

/// `imm` of atomics that are no read-modify-write.
pub(crate) const LOAD_ACQUIRE: i32 = 0x100;
pub(crate) const STORE_RELEASE: i32 = 0x110;
/// Flag in `imm` of atomics: the old value is returned.
pub(crate) const FETCH: i32 = 0x01;

/// The part of a vocabulary's bits that stands in the opcode.
pub(crate) const fn low(bits: u16) -> u8 {
    bits.to_le_bytes()[0]
}

pub(crate) static TABLE: [Option<Row>; 256] = build();

/// What proves, without decoding it, that a slot is a valid instruction of the most frequent variant of its opcode.
#[derive(Clone, Copy)]
pub(crate) struct Plain {
    /// Bits that are then zero.
    pub(crate) zero: u64,
    /// Destination registers are then below this: `r10` is not written.
    pub(crate) dst_end: u8,
    /// It jumps by `off`.
    pub(crate) jumps: bool,
}

/// For each opcode; derived from [`TABLE`].
pub(crate) static PLAIN: [Plain; 256] = {
    // Never matches: no valid opcode is zero.
    let mut t = [Plain { zero: !0, dst_end: 0, jumps: false }; 256];
    let mut code = 0;
    while code < t.len() {
        if let Some(row) = TABLE[code] {
            t[code] = row.plain();
        }
        code += 1;
    }
    t
};

const fn build() -> [Option<Row>; 256] {
    use Field::{Any, Reg, Selects, Zero};

    /// `dst`, `src`, `off`, `imm`.
    const fn row(form: Form, dst: Field, src: Field, off: Field, imm: Field) -> Option<Row> {
        Some(Row::new(form, dst, src, off, imm))
    }

    let mut t = [None; 256];
    let widths = [(class::ALU, class::JMP32, Width::W32), (class::ALU64, class::JMP, Width::W64)];
    let mut w = 0;
    while w < widths.len() {
        let (alu, jmp, width) = widths[w];
        w += 1;
        let mut i = 0;
        while i < AluOp::ALL.len() {
            let op = AluOp::ALL[i];
            i += 1;
            if op.bits() > 0xff {
                continue; // the signed forms share the row of the unsigned ones
            }
            let code = low(op.bits()) | alu;
            let (imm_row, reg_row) = match op {
                AluOp::Div | AluOp::Mod => (
                    row(Form::Divide { op, width, reg: false }, Reg, Zero, Selects, Any),
                    row(Form::Divide { op, width, reg: true }, Reg, Reg, Selects, Zero),
                ),
                AluOp::Mov => (
                    row(Form::Alu { op, width, reg: false }, Reg, Zero, Zero, Any),
                    row(Form::MovReg(width), Reg, Reg, Selects, Selects),
                ),
                _ => (
                    row(Form::Alu { op, width, reg: false }, Reg, Zero, Zero, Any),
                    row(Form::Alu { op, width, reg: true }, Reg, Reg, Zero, Zero),
                ),
            };
            t[code as usize] = imm_row;
            t[(code | X) as usize] = reg_row;
        }
        t[(NEG | alu) as usize] = row(Form::Neg(width), Reg, Zero, Zero, Zero);

        let mut i = 0;
        while i < Cond::ALL.len() {
            let cond = Cond::ALL[i];
            i += 1;
            let code = low(cond.bits()) | jmp;
            t[code as usize] = row(Form::JumpIf { cond, width, reg: false }, Reg, Zero, Any, Any);
            t[(code | X) as usize] = row(Form::JumpIf { cond, width, reg: true }, Reg, Reg, Any, Zero);
        }
    }

    let mut i = 0;
    while i < EndianOp::ALL.len() {
        let op = EndianOp::ALL[i];
        i += 1;
        t[op.bits() as usize] = row(Form::Swap(op), Reg, Zero, Zero, Selects);
    }

    t[class::JMP as usize] = row(Form::Jump { long: false }, Zero, Zero, Any, Zero);
    t[class::JMP32 as usize] = row(Form::Jump { long: true }, Zero, Zero, Zero, Any);
    t[(class::JMP | X) as usize] = row(Form::GotoX, Reg, Zero, Zero, Zero);
    t[(class::JMP | MAY_GOTO) as usize] = row(Form::MayGoto, Zero, Zero, Any, Zero);
    t[(class::JMP | CALL) as usize] = row(Form::Call, Zero, Selects, Selects, Any);
    t[(class::JMP | CALL | X) as usize] = row(Form::CallX, Reg, Zero, Zero, Zero);
    t[(class::JMP | EXIT) as usize] = row(Form::Exit, Zero, Zero, Zero, Zero);

    t[LD_IMM64 as usize] = row(Form::LoadImm64, Reg, Selects, Zero, Any);
    let mut i = 0;
    while i < MemSize::ALL.len() {
        let size = MemSize::ALL[i];
        i += 1;
        let bits = low(size.bits());
        t[(class::LDX | mode::MEM | bits) as usize] =
            row(Form::Load { size, signed: false }, Reg, Reg, Any, Zero);
        t[(class::ST | mode::MEM | bits) as usize] =
            row(Form::Store { size, reg: false }, Reg, Zero, Any, Any);
        t[(class::STX | mode::MEM | bits) as usize] =
            row(Form::Store { size, reg: true }, Reg, Reg, Any, Zero);
        t[(class::STX | mode::ATOMIC | bits) as usize] = row(Form::Atomic(size), Reg, Reg, Any, Selects);
        if matches!(size, MemSize::DW) {
            continue; // nothing to extend, and no 8-byte packet access
        }
        t[(class::LDX | mode::MEMSX | bits) as usize] =
            row(Form::Load { size, signed: true }, Reg, Reg, Any, Zero);
        t[(class::LD | mode::ABS | bits) as usize] =
            row(Form::LoadPacket { size, indexed: false }, Zero, Zero, Zero, Any);
        t[(class::LD | mode::IND | bits) as usize] =
            row(Form::LoadPacket { size, indexed: true }, Zero, Reg, Zero, Any);
    }
    t
}
