//! Tests of the assembler.

mod errors;
mod language;
