//! Objects read from ELF, written to it, and what real tools say of them.

mod compilers;
mod damage;
mod round_trip;
mod sample;
mod tools;
