//! Everything that needs more than one part of the crate.

mod text;
