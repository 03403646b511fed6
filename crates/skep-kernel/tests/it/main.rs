//! Loads programs into this kernel, and looks at what they do.

mod attach;
mod data;
mod programs;
mod support;
