//! Objects read from ELF, written to it, and what real tools say of them.

mod asm;
mod compilers;
mod damage;
mod hostile;
mod listing;
mod round_trip;
mod sample;
mod tools;
