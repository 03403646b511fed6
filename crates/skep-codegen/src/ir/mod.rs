//! The intermediate representation: typed SSA with block parameters, called SIR.
//!
//! A [`Module`] owns symbols (functions, maps, globals, externs), types (BTF), source positions and the bodies of its
//! functions. A [`Func`] is a list of [`Block`]s; a block is a list of instructions and one [`Term`]inator; an
//! instruction is a [`Node`], and its index is the [`Value`] it makes.
//!
//! # What things mean
//!
//! * An `iN` is an integer of N bits, 1 to 64. The sign belongs to the operation. Arithmetic wraps.
//! * Division is BPF's (RFC 9669 §4.1), and never traps: `x / 0 = 0`, `x % 0 = x`, `MIN / -1 = MIN`, `MIN % -1 = 0`.
//! * Shift amounts count modulo 64 for operands wider than 32 bits, else modulo 32: `shl i8 x, 9` is 0.
//! * A pointer is no integer: `add` never takes one. [`Op::PtrAdd`] is the only arithmetic on pointers, and stays where
//!   it was written relative to branches, because the verifier lets it pass only behind the right test.
//! * A conditional branch contains its compare, so that nothing can come between them.
//! * Memory is bytes in the target's byte order; an access may be unaligned.
//! * [`Op::Pin`] is an identity that no pass looks through, moves or merges.
//!
//! To add an operation: a variant of [`Op`] here, its operands in `walk.rs`, a row each in `text/print.rs`,
//! `text/parse.rs`, `validate.rs` and the lowering; the compiler lists the places.

mod cfg;
mod func;
mod module;
mod needed;
mod op;
pub mod text;
mod types;
pub mod validate;
mod walk;

pub use cfg::Cfg;
pub use func::{Block, BlockData, Edge, Func, Inline, Linkage, Node, Slot, SlotData, Term, Value, Values};
pub use module::{
    CoreRelo, DeclTag, Extern, Global, Init, Loc, Map, Module, Place, Symbol, SymbolId, SymbolKind,
};
pub use op::{Access, Asm, AtomicOp, BinOp, Callee, CastOp, Cond, Op, Order, UnOp, Width};
pub use types::{Signature, Space, Type};
