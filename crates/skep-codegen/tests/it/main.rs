//! Everything that needs more than one part of the crate.

mod build;
mod cases;
mod copies;
mod documents;
mod jumps;
mod random;
mod text;
mod validate;
