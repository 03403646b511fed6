//! Everything that needs more than one part of the crate.

mod build;
mod cases;
mod random;
mod text;
mod validate;
