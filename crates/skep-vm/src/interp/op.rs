//! A pre-decoded instruction: a handler and its operands.

use crate::run::Run;

/// Executes the op at `pc`, and returns the next one, or null when the run is over.
///
/// Handlers of the fast form do not return to a loop: each ends with the call of the next handler, which the compiler
/// makes a jump. Where it does not (see `build.rs`), and in the stepped form, they return the next op to the loop.
pub(crate) type Handler = unsafe fn(pc: *const Op, run: *mut Run) -> *const Op;

/// One slot, pre-decoded. The second op of `ld_imm64` holds its value.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Op {
    pub(crate) handler: Handler,
    /// `dst`, `src`, `off`, `imm` from the low bits up; or an address.
    pub(crate) word: u64,
}

impl Op {
    pub(crate) fn new(handler: Handler, dst: u8, src: u8, off: i16, imm: i32) -> Op {
        let word = u64::from(dst)
            | u64::from(src) << 8
            | u64::from(off.cast_unsigned()) << 16
            | u64::from(imm.cast_unsigned()) << 32;
        Op { handler, word }
    }

    #[inline(always)]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the field is the low byte; masked to what indexes registers"
    )]
    pub(crate) fn dst(&self) -> usize {
        usize::from(self.word as u8)
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the field is a byte")]
    pub(crate) fn src(&self) -> usize {
        usize::from((self.word >> 8) as u8)
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the field is 16 bits")]
    pub(crate) fn off(&self) -> i16 {
        ((self.word >> 16) as u16).cast_signed()
    }

    #[inline(always)]
    pub(crate) fn imm(&self) -> i32 {
        ((self.word >> 32) as u32).cast_signed()
    }
}
