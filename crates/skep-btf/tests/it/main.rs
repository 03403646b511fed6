//! The crate from outside.

#![expect(clippy::print_stderr, reason = "skips and figures are told there")]

mod raw_text;
mod real;
mod tools;
