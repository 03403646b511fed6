//! The rules of the kernel, each compared with the kernel.

pub(crate) mod assemble;
mod fuzz;
pub(crate) mod generate;
pub(crate) mod kernel;
mod probes;
mod sources;
mod speed;
