//! Loads programs into this kernel, and looks at what they do.

mod attach;
mod btf;
mod compiled;
mod data;
mod hostile;
mod maps;
mod programs;
mod refusals;
mod ring;
mod support;
mod types;
