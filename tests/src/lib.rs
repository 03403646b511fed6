//! Tests of all engines together.
//!
//! * [`oracle`] executes instructions as RFC 9669 words them, on bytes; [`names`] says which instructions there are.
//!   Both share no code with the libraries.
//! * [`engine`] is what runs programs: the interpreter in all its modes, and the [`kernel`].
//! * [`wrap`] turns a piece of code into a program that loads all registers from memory and stores them again.
//! * [`flat`] makes one piece of code of an image.
//! * [`compare`] runs one program on all engines, and asks the oracle whether each of them left what it should.
//! * [`filetest`] reads and runs the cases in `filetests/cases`: text in, text out.
//! * [`sir`] is the compiler's side: an interpreter of its IR, random modules, and real C as its IR.
//! * [`dwarf`] lists the types of programs from their debug information, and from BTF, and compares.
//! * [`generate`] makes random programs that the kernel's verifier accepts, and [`shrink`] makes a failing one short.

pub mod compare;
pub mod dwarf;
pub mod engine;
pub mod filetest;
pub mod flat;
pub mod generate;
pub mod kernel;
pub mod names;
pub mod oracle;
pub mod random;
pub mod report;
pub mod shrink;
pub mod sir;
pub mod slot;
pub mod wrap;
