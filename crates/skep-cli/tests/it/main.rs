//! The `skep` command from outside, and what compilers make of C, from source to result.

mod btf;
mod encode;
mod matrix;
mod streams;
mod tools;
mod transcript;
