//! Tests of all engines together.

mod compiled;
mod files;
mod insn;
mod llvm;
mod meaning;
mod misuse;
mod passes;
mod random;
mod sir;
mod tools;
mod translated;
mod types;
mod wild;
