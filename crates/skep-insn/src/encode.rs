//! Meaning to slots: the inverse of decoding.

use crate::insn::{AluOp, AtomicOp, Callee, Cond, Cpu, EndianOp, Imm64, Insn, MemSize, Operand, Reg, Width};
use crate::raw::RawInsn;
use crate::table::{
    CALL, EXIT, FETCH, LD_IMM64, LOAD_ACQUIRE, MAY_GOTO, NEG, STORE_RELEASE, X, class, low, mode,
};

/// One or two encoded slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoded {
    slots: [RawInsn; 2],
    len: usize,
}

impl Encoded {
    /// The slots.
    #[must_use]
    pub fn as_slice(&self) -> &[RawInsn] {
        &self.slots[..self.len]
    }
}

impl From<RawInsn> for Encoded {
    fn from(slot: RawInsn) -> Self {
        Encoded { slots: [slot, RawInsn::default()], len: 1 }
    }
}

impl Insn {
    /// The slots of this instruction.
    ///
    /// What only a decoder can rule out is encoded as it stands: an `AluOp` in `MovSx` has no bits for size `DW`,
    /// and an offset of a short jump keeps its low 16 bits.
    #[must_use]
    pub fn encode(&self) -> Encoded {
        encode(self)
    }

    /// The oldest instruction set version that has this instruction.
    #[must_use]
    pub fn cpu(&self) -> Cpu {
        match *self {
            Insn::Alu { op: AluOp::SDiv | AluOp::SMod, .. }
            | Insn::MovSx { .. }
            | Insn::EndianSwap { op: EndianOp::Bswap, .. }
            | Insn::Load { signed: true, .. }
            | Insn::Jump { long: true, .. }
            | Insn::LoadAcquire { .. }
            | Insn::StoreRelease { .. }
            | Insn::MayGoto { .. }
            | Insn::GotoX { .. }
            | Insn::AddrSpaceCast { .. } => Cpu::V4,
            Insn::Atomic { fetch: true, .. }
            | Insn::Atomic { op: AtomicOp::Or | AtomicOp::And | AtomicOp::Xor, .. }
            | Insn::JumpIf { width: Width::W32, .. } => Cpu::V3,
            Insn::JumpIf { cond: Cond::Lt | Cond::Le | Cond::SLt | Cond::SLe, .. } => Cpu::V2,
            _ => Cpu::V1,
        }
    }
}

const fn alu_class(width: Width) -> u8 {
    match width {
        Width::W32 => class::ALU,
        Width::W64 => class::ALU64,
    }
}

/// The opcode's source bit, and the fields `src` and `imm`.
const fn operand(src: Operand) -> (u8, u8, i32) {
    match src {
        Operand::Reg(reg) => (X, reg.number(), 0),
        Operand::Imm(imm) => (0, 0, imm),
    }
}

fn encode(insn: &Insn) -> Encoded {
    let slot = |code: u8, dst: Reg, src: u8, off: i16, imm: i32| {
        RawInsn::new(code, dst.number(), src, off, imm).into()
    };
    let size_bits = |size: MemSize| low(size.bits());
    let none = Reg::R0;
    match *insn {
        Insn::Alu { op, width, dst, src } => {
            let (x, src, imm) = operand(src);
            slot(low(op.bits()) | alu_class(width) | x, dst, src, i16::from(op.bits() > 0xff), imm)
        }
        Insn::Neg { width, dst } => slot(NEG | alu_class(width), dst, 0, 0, 0),
        Insn::MovSx { width, dst, src, from } => {
            let code = low(AluOp::Mov.bits()) | alu_class(width) | X;
            slot(code, dst, src.number(), i16::from(from.bytes()) * 8, 0)
        }
        Insn::EndianSwap { op, size, dst } => slot(low(op.bits()), dst, 0, 0, i32::from(size.bytes()) * 8),
        Insn::AddrSpaceCast { dst, src, to, from } => {
            let imm = (u32::from(to) << 16 | u32::from(from)).cast_signed();
            slot(low(AluOp::Mov.bits()) | class::ALU64 | X, dst, src.number(), 1, imm)
        }
        Insn::LoadImm64 { dst, imm } => load_imm64(dst, imm),
        Insn::Load { size, signed, dst, base, off } => {
            let mode = if signed { mode::MEMSX } else { mode::MEM };
            slot(class::LDX | mode | size_bits(size), dst, base.number(), off, 0)
        }
        Insn::Store { size, base, off, src } => {
            let (x, src, imm) = operand(src);
            let class = if x == 0 { class::ST } else { class::STX };
            slot(class | mode::MEM | size_bits(size), base, src, off, imm)
        }
        Insn::Atomic { op, fetch, size, base, off, src } => {
            let imm = i32::from(op.bits()) | if fetch { FETCH } else { 0 };
            slot(class::STX | mode::ATOMIC | size_bits(size), base, src.number(), off, imm)
        }
        Insn::LoadAcquire { size, dst, base, off } => {
            slot(class::STX | mode::ATOMIC | size_bits(size), dst, base.number(), off, LOAD_ACQUIRE)
        }
        Insn::StoreRelease { size, base, off, src } => {
            slot(class::STX | mode::ATOMIC | size_bits(size), base, src.number(), off, STORE_RELEASE)
        }
        Insn::LoadPacket { size, index, imm } => {
            let mode = if index.is_some() { mode::IND } else { mode::ABS };
            slot(class::LD | mode | size_bits(size), none, index.map_or(0, Reg::number), 0, imm)
        }
        Insn::Jump { off, long: true } => slot(class::JMP32, none, 0, 0, off),
        Insn::Jump { off, long: false } => {
            let [b0, b1, ..] = off.to_le_bytes();
            slot(class::JMP, none, 0, i16::from_le_bytes([b0, b1]), 0)
        }
        Insn::JumpIf { cond, width, dst, src, off } => {
            let class = match width {
                Width::W32 => class::JMP32,
                Width::W64 => class::JMP,
            };
            let (x, src, imm) = operand(src);
            slot(low(cond.bits()) | class | x, dst, src, off, imm)
        }
        Insn::MayGoto { off } => slot(class::JMP | MAY_GOTO, none, 0, off, 0),
        Insn::GotoX { dst } => slot(class::JMP | X, dst, 0, 0, 0),
        Insn::Call(callee) => {
            let (src, off, imm) = match callee {
                Callee::Helper(id) => (0, 0, id),
                Callee::Subprog(rel) => (1, 0, rel),
                Callee::Kfunc { btf_id, fd_idx } => (2, fd_idx, btf_id),
            };
            slot(class::JMP | CALL, none, src, off, imm)
        }
        Insn::CallX { dst } => slot(class::JMP | CALL | X, dst, 0, 0, 0),
        Insn::Exit => slot(class::JMP | EXIT, none, 0, 0, 0),
    }
}

fn load_imm64(dst: Reg, imm: Imm64) -> Encoded {
    let (first, second) = match imm {
        Imm64::Value(value) => {
            let [b0, b1, b2, b3, b4, b5, b6, b7] = value.to_le_bytes();
            (i32::from_le_bytes([b0, b1, b2, b3]), i32::from_le_bytes([b4, b5, b6, b7]))
        }
        Imm64::MapFd(imm) | Imm64::Func(imm) | Imm64::MapIdx(imm) => (imm, 0),
        Imm64::MapValue { fd: imm, off: second }
        | Imm64::BtfId { id: imm, fd: second }
        | Imm64::MapIdxValue { idx: imm, off: second } => (imm, second),
    };
    let slots = [RawInsn::new(LD_IMM64, dst.number(), imm.src(), 0, first), RawInsn::new(0, 0, 0, 0, second)];
    Encoded { slots, len: 2 }
}
