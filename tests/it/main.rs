//! Tests of all engines together.

mod insn;
mod misuse;
mod random;
