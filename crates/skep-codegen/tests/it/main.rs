//! Everything that needs more than one part of the crate.

mod build;
mod cases;
mod documents;
mod jumps;
mod random;
mod text;
mod validate;
