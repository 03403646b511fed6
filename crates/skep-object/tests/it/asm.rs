//! Tests of the assembler.

mod clang;
mod documents;
mod errors;
mod fuzz;
mod kernel;
mod language;
