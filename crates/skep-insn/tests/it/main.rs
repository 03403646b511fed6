//! The instruction set against itself, against a second reading of the specification, and against LLVM.

mod check;
mod decode;
mod fuzz;
mod llvm;
mod samples;
mod spec;
mod text;
