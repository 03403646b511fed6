//! What a runtime relies on before it runs a function.

use crate::decode::DecodeError;
use crate::insn::{Insn, Reg};
use crate::raw::{RawInsn, Slot};

/// Why code is no function: the slot, and what was expected there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// A slot does not decode.
    #[error("slot {at}: {source}")]
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
/// It takes time linear in the length, and one bit of memory per slot if there are jumps.
///
/// # Errors
/// The first offence in code order; offending jump targets are found after everything else.
pub fn function_with(code: &[RawInsn], mut visit: impl FnMut(Slot, Insn)) -> Result<(), CheckError> {
    let len = u32::try_from(code.len()).map_err(|_| CheckError::TooLong { len: code.len() })?;
    let mut jumps = Vec::new();
    let mut second_slots = Vec::new();
    let mut last = None;
    let mut at = Slot(0);
    while at.0 < len {
        let insn = Insn::decode(&code[at.index()..]).map_err(|source| CheckError::Decode { at, source })?;
        if insn.written() == Some(Reg::R10) {
            return Err(CheckError::WritesFramePointer { at });
        }
        if let Some(off) = insn.jump_offset() {
            match at.jump(off) {
                Some(target) if target.0 < len => jumps.push((at, target)),
                _ => return Err(CheckError::JumpOut { at, off, len }),
            }
        }
        visit(at, insn);
        last = Some((at, insn));
        if insn.slots() == 2 {
            second_slots.push(at.next());
        }
        at = Slot(at.0 + insn.slots());
    }
    match last {
        // A compiler ends a function with the call of one that never returns; runtimes trap behind it.
        Some((_, Insn::Call(_) | Insn::CallX { .. })) => {}
        Some((_, insn)) if insn.ends_block() => {}
        Some((at, _)) => return Err(CheckError::FallsOff { at }),
        None => return Err(CheckError::Empty),
    }
    if jumps.is_empty() || second_slots.is_empty() {
        return Ok(());
    }
    let mut is_second = vec![0u64; code.len() / 64 + 1];
    for slot in second_slots {
        is_second[slot.index() / 64] |= 1 << (slot.0 % 64);
    }
    match jumps.into_iter().find(|(_, target)| is_second[target.index() / 64] >> (target.0 % 64) & 1 != 0) {
        Some((at, target)) => Err(CheckError::JumpIntoImm64 { at, target }),
        None => Ok(()),
    }
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
