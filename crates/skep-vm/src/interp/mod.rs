//! The interpreter: what BPF means in user space. Other engines are compared with it.
//!
//! A function is translated once, each slot to one [`Op`]: a handler and its operands. In the *fast* form a handler
//! ends by jumping to the handler of the next op. In the *stepped*
//! form handlers return to a loop, which counts instructions, looks at a stop flag, and calls hooks. Both forms are
//! instances of the same generic handlers, which take what operations compute from `semantics`.
//!
//! To add an instruction: an arm in `translate.rs`, a handler in `handlers.rs`.
#![expect(unsafe_code, reason = "calls handlers by pointer")]

mod handlers;
mod op;
mod select;
pub(crate) mod semantics;
mod translate;

pub(crate) use op::Op;
pub(crate) use translate::{Code, translate};

use crate::run::Run;

/// The two forms of translated code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Handlers jump from one to the next.
    Fast,
    /// Handlers return to a loop.
    Stepped,
}

/// Runs translated code of the fast form from `pc` until it exits or traps.
///
/// # Safety
/// `pc` must be in code translated for the unit that `run` has entered, with registers set up.
pub(crate) unsafe fn run(mut pc: *const Op, run: *mut Run) {
    // One round, where handlers jump to the next; otherwise one for each instruction.
    while !pc.is_null() {
        // SAFETY: handlers return ops of the same code, or null.
        pc = unsafe { ((*pc).handler)(pc, run) };
    }
}
