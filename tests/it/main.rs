//! Tests of all engines together.

mod compiled;
mod files;
mod insn;
mod meaning;
mod misuse;
mod passes;
mod random;
mod sir;
mod wild;
