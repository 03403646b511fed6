//! The crate from outside.

#![expect(clippy::print_stderr, reason = "skips and figures are told there")]

mod dedup;
mod diff;
mod downgrade;
mod faults;
mod header;
mod layouts;
mod lazy;
mod maps;
mod opaque;
mod property;
mod random;
mod real;
mod rust_types;
mod sets;
mod shown;
mod speed;
mod split;
mod tools;
mod verify;
