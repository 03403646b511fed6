//! The macro from outside.

#![expect(clippy::print_stderr, reason = "skips are told there")]

mod clang;
mod kernel;
mod tools;
mod values;
