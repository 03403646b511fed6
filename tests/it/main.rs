//! Tests of all engines together.

mod insn;
mod random;
