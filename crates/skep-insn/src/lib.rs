//! The BPF instruction set: one table, from which decoding, encoding, checking and text are derived.
//!
//! * [`RawInsn`] is one 8-byte slot with its five fields, in either byte order.
//! * [`Insn`] is the meaning of one or two slots. [`Insn::decode`] refuses unknown encodings and reserved
//!   fields that are not zero; [`Insn::encode`] is its inverse.
//! * [`check::function`] proves what a runtime relies on: jumps stay inside and never land in the second
//!   slot of `ld_imm64`, nothing falls off the end, `r10` is never written.
//! * Text is the syntax that the kernel and LLVM print: [`Insn`] implements `Display`, and [`text::parse`] reads it.
//! * [`helper::Helper`] names the kernel's helper functions.
//!
//! It covers RFC 9669, and what Linux and LLVM 22 define beyond it: load-acquire and store-release, `may_goto`,
//! `gotox`, `callx`, `addr_space_cast`, and all forms of `ld_imm64`.
//!
//! ```
//! use skep_insn::{Insn, RawInsn, Endian};
//! let slot = RawInsn::from_bytes([0x07, 0x01, 0, 0, 8, 0, 0, 0], Endian::Little);
//! let insn = Insn::decode(&[slot])?;
//! assert_eq!(insn.to_string(), "r1 += 0x8");
//! assert_eq!(insn.encode().as_slice(), [slot]);
//! # Ok::<(), skep_insn::DecodeError>(())
//! ```

pub mod check;
mod decode;
mod encode;
pub mod helper;
mod insn;
mod raw;
mod table;
pub mod text;

pub use decode::{DecodeError, DecodeErrorKind};
pub use encode::Encoded;
pub use insn::{AluOp, AtomicOp, Callee, Cond, Cpu, EndianOp, Imm64, Insn, MemSize, Operand, Reg, Width};
pub use raw::{Endian, RawInsn, SLOT_BYTES, Slot};
