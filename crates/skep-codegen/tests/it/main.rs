//! Everything that needs more than one part of the crate.

mod cases;
mod random;
mod text;
mod validate;
