//! From typed code to BPF: IR, optimizer, register allocation, objects.
//!
//! * [`ir`] is the intermediate representation, with a text form and a validator.

pub mod diag;
pub mod ir;

#[expect(dead_code, reason = "the lowering and the object writer meet here")]
mod code;

pub use diag::{Diag, Diags};
pub use options::{Opt, Options, Target};
pub use skep_insn::{Cpu, Endian};
