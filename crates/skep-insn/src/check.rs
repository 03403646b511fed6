//! What a runtime relies on before it runs a function.
//!
//! ```
//! use skep_insn::{Endian, RawInsn, check};
//! let code = [0x05, 0, 0xfd, 0xff, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0];
//! let code = RawInsn::slots(&code, Endian::Little).unwrap();
//! let err = check::function(&code).unwrap_err();
//! assert_eq!(err.to_string(), "slot 0: jump by -3 leaves the function of 2 slots");
//! ```

use crate::decode::{DecodeError, Refused, decode_or_refuse};
use crate::insn::{Insn, Reg};
use crate::raw::{RawInsn, Slot};
use crate::table::{LD_IMM64, PLAIN, class};

/// Why code is no function: the slot, and what was expected there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// A slot does not decode.
    #[error("slot {at} does not decode")]
    Decode {
        /// Where.
        at: Slot,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// A jump leaves the function.
    #[error("slot {at}: jump by {off} leaves the function of {len} slots")]
    JumpOut {
        /// Where.
        at: Slot,
        /// The offset in slots from the next slot.
        off: i32,
        /// Length of the function in slots.
        len: u32,
    },
    /// A jump lands in the second slot of `ld_imm64`.
    #[error("slot {at}: jump to slot {target}, the second slot of ld_imm64; expected the start of an insn")]
    JumpIntoImm64 {
        /// Where.
        at: Slot,
        /// Where it lands.
        target: Slot,
    },
    /// Control runs past the last instruction.
    #[error("slot {at}: the last insn falls off the end of the function; expected exit, goto or a call")]
    FallsOff {
        /// The last instruction.
        at: Slot,
    },
    /// The frame pointer cannot be written.
    #[error("slot {at}: r10 is written; the frame pointer is read-only")]
    WritesFramePointer {
        /// Where.
        at: Slot,
    },
    /// There is no instruction.
    #[error("the function is empty; expected at least exit")]
    Empty,
    /// Slots are counted in 32 bits.
    #[error("the function has {len} slots; expected fewer than 2^32")]
    TooLong {
        /// Length in slots.
        len: usize,
    },
}

/// Checks one function; `visit` gets each instruction with its slot, in order, as it is decoded.
///
/// It takes time linear in the length, and no memory.
///
/// # Errors
/// The first offence in code order.
#[inline]
pub fn function_with(code: &[RawInsn], mut visit: impl FnMut(Slot, Insn)) -> Result<(), CheckError> {
    let len = length(code)?;
    let mut at = Slot(0);
    let mut last = at;
    while at.0 < len {
        let insn = instruction(code, at)?;
        last = at;
        // Not from `insn`: with the next position known early, the processor overlaps the work on two instructions.
        let slots = if code[at.index()].code == LD_IMM64 { 2 } else { 1 };
        visit(at, insn);
        at = Slot(at.0 + slots);
    }
    end(code, last)
}

/// Checks one function: every slot decodes, jumps land on instructions of the same function, control never runs
/// off its end other than by a call that returns, and `r10` is not written. Calls are checked where their targets
/// are known.
///
/// # Errors
/// As [`function_with`].
pub fn function(code: &[RawInsn]) -> Result<(), CheckError> {
    let len = length(code)?;
    let mut at = Slot(0);
    let mut last = at;
    while at.0 < len {
        last = at;
        // Most instructions are found valid without being decoded. That is several times faster on code without a pattern,
        // where a decoder's branches are mispredicted.
        let slots = if is_plain(code, at) { 1 } else { instruction(code, at)?.slots() };
        at = Slot(at.0 + slots);
    }
    end(code, last)
}

fn length(code: &[RawInsn]) -> Result<u32, CheckError> {
    u32::try_from(code.len()).map_err(|_| CheckError::TooLong { len: code.len() })
}

/// Whether the slot at `at` shows at first sight that it is a valid instruction.
#[inline(always)]
fn is_plain(code: &[RawInsn], at: Slot) -> bool {
    let raw = code[at.index()];
    let plain = &PLAIN[usize::from(raw.code)];
    // What does not jump is looked at as if it jumped to itself. Opcode 0 is at most the second slot of `ld_imm64`.
    let off = if plain.jumps { isize::from(raw.off) } else { -1 };
    let target = code.get(at.next().index().wrapping_add_signed(off));
    raw.bits() & plain.zero == 0
        && raw.dst() < plain.dst_end
        && raw.src() <= Reg::R10.number()
        && target.is_some_and(|target| target.code != 0)
}

/// Checks the instruction at `at` by itself.
#[inline(always)]
fn instruction(code: &[RawInsn], at: Slot) -> Result<Insn, CheckError> {
    let rest = &code[at.index()..];
    let insn = match decode_or_refuse(rest) {
        Ok(insn) => insn,
        Err(Refused) => Insn::decode(rest).map_err(|source| CheckError::Decode { at, source })?,
    };
    // The encoding tells cheaply of most instructions that they are no jumps and leave r10 alone.
    let raw = rest[0];
    let names_r10 = [raw.dst(), raw.src()].contains(&Reg::R10.number());
    if names_r10 && insn.written() == Some(Reg::R10) {
        return Err(CheckError::WritesFramePointer { at });
    }
    if matches!(raw.code & 7, class::JMP | class::JMP32)
        && let Some(off) = insn.jump_offset()
    {
        jump(code, at, off)?;
    }
    Ok(insn)
}

/// Control does not run past `last`, the last instruction.
fn end(code: &[RawInsn], last: Slot) -> Result<(), CheckError> {
    let Some(rest @ [_, ..]) = code.get(last.index()..) else { return Err(CheckError::Empty) };
    match Insn::decode(rest) {
        // A compiler ends a function with the call of one that never returns; runtimes trap behind it.
        Ok(Insn::Call(_) | Insn::CallX { .. }) => Ok(()),
        Ok(insn) if insn.ends_block() => Ok(()),
        _ => Err(CheckError::FallsOff { at: last }),
    }
}

/// A jump lands inside, on the start of an instruction.
///
/// The second slot of `ld_imm64` has opcode 0, which begins no instruction. Where all slots decode, a slot with the
/// opcode of `ld_imm64` is thus always the first of the two, and looking at the slot before the target suffices.
#[inline]
fn jump(code: &[RawInsn], at: Slot, off: i32) -> Result<(), CheckError> {
    let target = at.jump(off);
    let Some((target, slot)) = target.and_then(|target| Some((target, code.get(target.index())?))) else {
        let len = u32::try_from(code.len()).unwrap_or(u32::MAX);
        return Err(CheckError::JumpOut { at, off, len });
    };
    let before = target.index().checked_sub(1).map(|before| code[before].code);
    if slot.code == 0 && before == Some(LD_IMM64) {
        return Err(CheckError::JumpIntoImm64 { at, target });
    }
    Ok(())
}
