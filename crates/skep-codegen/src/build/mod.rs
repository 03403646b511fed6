//! The builder.
pub mod core;
