//! From typed code to BPF: IR, optimizer, register allocation, objects.
//!
//! * [`ir`] is the intermediate representation, with a text form and a validator.

pub mod ir;

mod options;

pub use options::{Opt, Options, Target};
pub use skep_insn::{Cpu, Endian};
