//! The instruction set against itself, and against LLVM.

mod samples;
mod text;
