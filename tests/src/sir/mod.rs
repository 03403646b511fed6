//! The compiler against an oracle that shares nothing with it.
//!
//! * [`arith`] is the arithmetic of integers of any width.
//! * [`eval`] executes the IR itself, as the words of `skep_codegen::ir` have it, on a [`memory`] that knows what is
//!   defined and what is not.
//! * [`maps`] are what its programs reach by helpers.
//! * [`generate`] makes random modules that mean something.
//! * [`shrink`] makes a failing module short.
//! * [`judge`] compiles a module in every way, runs it on every engine, and compares.

pub mod arith;
mod asm;
pub mod eval;
pub mod generate;
pub mod judge;
pub mod llvm;
pub mod maps;
pub mod memory;
pub mod shrink;
