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
use crate::table::{LD_IMM64, class};

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
    let len = u32::try_from(code.len()).map_err(|_| CheckError::TooLong { len: code.len() })?;
    let mut at = Slot(0);
    let mut last = None;
    while at.0 < len {
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
        last = Some(at);
        // Not from `insn`: with the next position known early, the processor overlaps the work on two instructions.
        let slots = if raw.code == LD_IMM64 { 2 } else { 1 };
        visit(at, insn);
        at = Slot(at.0 + slots);
    }
    let at = last.ok_or(CheckError::Empty)?;
    match Insn::decode(&code[at.index()..]) {
        // A compiler ends a function with the call of one that never returns; runtimes trap behind it.
        Ok(Insn::Call(_) | Insn::CallX { .. }) => Ok(()),
        Ok(insn) if insn.ends_block() => Ok(()),
        _ => Err(CheckError::FallsOff { at }),
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

/// Checks one function: every slot decodes, jumps land on instructions of the same function, control never runs
/// off its end other than by a call that returns, and `r10` is not written. Calls are checked where their targets
/// are known.
///
/// # Errors
/// As [`function_with`].
pub fn function(code: &[RawInsn]) -> Result<(), CheckError> {
    function_with(code, |_, _| {})
}
