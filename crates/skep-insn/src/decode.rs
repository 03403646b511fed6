//! Slots to meaning, refusing everything that has none.

use crate::insn::{AluOp, AtomicOp, Callee, Imm64, Insn, MemSize, Operand, Reg, Width};
use crate::raw::RawInsn;
use crate::table::{FETCH, Field, Form, LOAD_ACQUIRE, Row, STORE_RELEASE, TABLE};
use crate::text::Hex;

/// Why a slot is no instruction: the slot, and what was expected of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} in insn {insn:?}")]
pub struct DecodeError {
    /// The slot as it stands.
    pub insn: RawInsn,
    /// What is wrong with it.
    pub kind: DecodeErrorKind,
}

/// What is wrong with a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// No instruction begins with this byte.
    #[error("unknown opcode {0:#04x}")]
    Opcode(u8),
    /// The field is not used, and must be zero.
    #[error("reserved field {field} is {}, expected 0", Hex(i64::from(*.value)))]
    Reserved {
        /// `dst`, `src`, `off` or `imm`.
        field: &'static str,
        /// Its value.
        value: i32,
    },
    /// There are eleven registers.
    #[error("register {field} is r{number}, expected r0 to r10")]
    Register {
        /// `dst` or `src`.
        field: &'static str,
        /// Its value.
        number: u8,
    },
    /// The field selects a variant that does not exist.
    #[error("{field} is {}, expected {expected}", Hex(i64::from(*.value)))]
    Variant {
        /// `src`, `off` or `imm`.
        field: &'static str,
        /// Its value.
        value: i32,
        /// The values that exist.
        expected: &'static str,
    },
    /// `ld_imm64` takes two slots, and the second is missing.
    #[error("ld_imm64 lacks its second slot")]
    Truncated,
    /// The second slot of `ld_imm64` may only hold an immediate.
    #[error("second slot of ld_imm64 is {0:?}, expected only an imm")]
    SecondSlot(RawInsn),
    /// There is nothing to decode.
    #[error("no slot to decode")]
    Empty,
}

use DecodeErrorKind as Kind;

impl Insn {
    /// Decodes the instruction at the start of `slots`; [`Insn::slots`] tells how many it took.
    ///
    /// # Errors
    /// If the encoding is unknown, a register does not exist, or a field that the instruction does not use is not zero.
    #[inline]
    pub fn decode(slots: &[RawInsn]) -> Result<Insn, DecodeError> {
        let Some(&insn) = slots.first() else {
            return Err(DecodeError { insn: RawInsn::default(), kind: Kind::Empty });
        };
        decode(insn, slots.get(1).copied()).map_err(|kind| DecodeError { insn, kind })
    }
}

/// An error without a reason: with it a result is as small as an [`Insn`], and needs no moving about.
/// [`Insn::decode`] tells the reason.
pub(crate) struct Refused;

impl From<Kind> for Refused {
    fn from(_: Kind) -> Self {
        Refused
    }
}

#[inline(always)]
pub(crate) fn decode_or_refuse(slots: &[RawInsn]) -> Result<Insn, Refused> {
    let &first = slots.first().ok_or(Refused)?;
    decode(first, slots.get(1).copied())
}

#[inline(always)]
fn decode<E: From<Kind>>(raw: RawInsn, next: Option<RawInsn>) -> Result<Insn, E> {
    let Some(row) = &TABLE[usize::from(raw.code)] else { Err(Kind::Opcode(raw.code))? };
    let (dst, src) = registers(row, raw)?;
    let operand = |reg: bool| if reg { Operand::Reg(src) } else { Operand::Imm(raw.imm) };
    Ok(match row.form {
        Form::Alu { op, width, reg } => Insn::Alu { op, width, dst, src: operand(reg) },
        Form::MovReg(width) => mov(raw, width, dst, src)?,
        Form::Divide { op, width, reg } => {
            Insn::Alu { op: signed_form(op, raw.off)?, width, dst, src: operand(reg) }
        }
        Form::Neg(width) => Insn::Neg { width, dst },
        Form::Swap(op) => {
            let size = match raw.imm {
                16 => MemSize::H,
                32 => MemSize::W,
                64 => MemSize::DW,
                value => Err(Kind::Variant { field: "imm", value, expected: "16, 32 or 64" })?,
            };
            Insn::EndianSwap { op, size, dst }
        }
        Form::LoadImm64 => Insn::LoadImm64 { dst, imm: imm64(raw, next)? },
        Form::LoadPacket { size, indexed } => {
            Insn::LoadPacket { size, index: indexed.then_some(src), imm: raw.imm }
        }
        Form::Load { size, signed } => Insn::Load { size, signed, dst, base: src, off: raw.off },
        Form::Store { size, reg } => Insn::Store { size, base: dst, off: raw.off, src: operand(reg) },
        Form::Atomic(size) => atomic(raw, size, dst, src)?,
        Form::Jump { long: false } => Insn::Jump { off: raw.off.into(), long: false },
        Form::Jump { long: true } => Insn::Jump { off: raw.imm, long: true },
        Form::GotoX => Insn::GotoX { dst },
        Form::JumpIf { cond, width, reg } => {
            Insn::JumpIf { cond, width, dst, src: operand(reg), off: raw.off }
        }
        Form::MayGoto => Insn::MayGoto { off: raw.off },
        Form::Call => Insn::Call(callee(raw)?),
        Form::CallX => Insn::CallX { dst },
        Form::Exit => Insn::Exit,
    })
}

/// Checks all four fields against the row; an unused register reads as `r0`.
#[inline]
fn registers(row: &Row, raw: RawInsn) -> Result<(Reg, Reg), Kind> {
    match (Reg::new(raw.dst()), Reg::new(raw.src())) {
        (Some(dst), Some(src)) if raw.bits() & row.zero == 0 => Ok((dst, src)),
        _ => registers_or_error(row, raw),
    }
}

/// Says which field is wrong. None is if `src` selects a variant above 10; the decoder knows whether it exists.
#[cold]
fn registers_or_error(row: &Row, raw: RawInsn) -> Result<(Reg, Reg), Kind> {
    let register = |field, rule, number: u8| match (rule, Reg::new(number)) {
        (Field::Reg, Some(reg)) => Ok(reg),
        (Field::Reg, None) => Err(Kind::Register { field, number }),
        (Field::Zero, _) if number != 0 => Err(Kind::Reserved { field, value: number.into() }),
        _ => Ok(Reg::R0),
    };
    let dst = register("dst", row.dst, raw.dst())?;
    let src = register("src", row.src, raw.src())?;
    match (row.off, row.imm) {
        (Field::Zero, _) if raw.off != 0 => Err(Kind::Reserved { field: "off", value: raw.off.into() }),
        (_, Field::Zero) if raw.imm != 0 => Err(Kind::Reserved { field: "imm", value: raw.imm }),
        _ => Ok((dst, src)),
    }
}

#[inline]
fn signed_form(op: AluOp, off: i16) -> Result<AluOp, Kind> {
    match (op, off) {
        (_, 0) => Ok(op),
        (AluOp::Div, 1) => Ok(AluOp::SDiv),
        (AluOp::Mod, 1) => Ok(AluOp::SMod),
        _ => Err(Kind::Variant { field: "off", value: off.into(), expected: "0 (unsigned) or 1 (signed)" }),
    }
}

#[inline]
fn mov(raw: RawInsn, width: Width, dst: Reg, src: Reg) -> Result<Insn, Kind> {
    if raw.imm != 0 && !(width == Width::W64 && raw.off == 1) {
        return Err(Kind::Reserved { field: "imm", value: raw.imm });
    }
    let from = match (raw.off, width) {
        (0, _) => return Ok(Insn::Alu { op: AluOp::Mov, width, dst, src: Operand::Reg(src) }),
        (8, _) => MemSize::B,
        (16, _) => MemSize::H,
        (32, Width::W64) => MemSize::W,
        (1, Width::W64) => {
            let [to, from] = halves(raw.imm);
            return Ok(Insn::AddrSpaceCast { dst, src, to, from });
        }
        (off, Width::W64) => {
            let expected = "0, 8, 16, 32 (sign extension) or 1 (addr_space_cast)";
            return Err(Kind::Variant { field: "off", value: off.into(), expected });
        }
        (off, Width::W32) => {
            return Err(Kind::Variant { field: "off", value: off.into(), expected: "0, 8 or 16" });
        }
    };
    Ok(Insn::MovSx { width, dst, src, from })
}

/// High and low half of an immediate.
fn halves(imm: i32) -> [u16; 2] {
    let b = imm.to_be_bytes();
    [u16::from_be_bytes([b[0], b[1]]), u16::from_be_bytes([b[2], b[3]])]
}

#[inline]
fn imm64(raw: RawInsn, next: Option<RawInsn>) -> Result<Imm64, Kind> {
    let next = next.ok_or(Kind::Truncated)?;
    if next != RawInsn::new(0, 0, 0, 0, next.imm) {
        return Err(Kind::SecondSlot(next));
    }
    let alone = |imm64| match next.imm {
        0 => Ok(imm64),
        value => Err(Kind::Reserved { field: "imm of the second slot", value }),
    };
    match raw.src() {
        0 => Ok(Imm64::Value(u64::from(next.imm.cast_unsigned()) << 32 | u64::from(raw.imm.cast_unsigned()))),
        1 => alone(Imm64::MapFd(raw.imm)),
        2 => Ok(Imm64::MapValue { fd: raw.imm, off: next.imm }),
        3 => Ok(Imm64::BtfId { id: raw.imm, fd: next.imm }),
        4 => alone(Imm64::Func(raw.imm)),
        5 => alone(Imm64::MapIdx(raw.imm)),
        6 => Ok(Imm64::MapIdxValue { idx: raw.imm, off: next.imm }),
        src => Err(Kind::Variant { field: "src", value: src.into(), expected: "0 to 6" }),
    }
}

#[inline]
fn atomic(raw: RawInsn, size: MemSize, base: Reg, src: Reg) -> Result<Insn, Kind> {
    let off = raw.off;
    match raw.imm {
        // The roles of the two register fields swap between the load and all others.
        LOAD_ACQUIRE => return Ok(Insn::LoadAcquire { size, dst: base, base: src, off }),
        STORE_RELEASE => return Ok(Insn::StoreRelease { size, base, off, src }),
        _ => {}
    }
    let variant = |expected| Kind::Variant { field: "imm", value: raw.imm, expected };
    if !matches!(size, MemSize::W | MemSize::DW) {
        return Err(variant("load_acquire (0x100) or store_release (0x110) at this size"));
    }
    let fetch = raw.imm & FETCH != 0;
    let op = AtomicOp::ALL.iter().find(|op| i32::from(op.bits()) == raw.imm & !FETCH);
    match op {
        Some(AtomicOp::Xchg | AtomicOp::CmpXchg) if !fetch => {
            Err(variant("the fetch flag (0x01) in xchg and cmpxchg"))
        }
        Some(&op) => Ok(Insn::Atomic { op, fetch, size, base, off, src }),
        None => Err(variant(
            "an atomic operation (0x00, 0x40, 0x50, 0xa0, with or without 0x01, 0xe1, 0xf1, 0x100, 0x110)",
        )),
    }
}

#[inline]
fn callee(raw: RawInsn) -> Result<Callee, Kind> {
    match raw.src() {
        0 | 1 if raw.off != 0 => Err(Kind::Reserved { field: "off", value: raw.off.into() }),
        0 => Ok(Callee::Helper(raw.imm)),
        1 => Ok(Callee::Subprog(raw.imm)),
        2 => Ok(Callee::Kfunc { btf_id: raw.imm, fd_idx: raw.off }),
        src => Err(Kind::Variant {
            field: "src",
            value: src.into(),
            expected: "0 (helper), 1 (subprogram) or 2 (kfunc)",
        }),
    }
}
