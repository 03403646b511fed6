//! Tests of the assembler.

mod clang;
mod errors;
mod fuzz;
mod language;
