//! A BPF toolchain that lives inside your process: one import for the whole way from bytes to a running program.
//!
//! ```
//! use skep::{Checked, Engine, Hosts};
//!
//! let object = skep::assemble("add.s", "
//!     .globl add
//! add:
//!     r0 = r1
//!     r0 += r2
//!     exit
//! ")?;
//! let engine: Engine<Checked> = Engine::checked(Hosts::new());
//! let unit = engine.add(&skep::link(&object)?)?;
//! let add = unit.func("add").expect("defined above");
//! assert_eq!(add.call(&[40, 2])?, 42);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The parts are crates of their own: [`insn`] (instructions), [`btf`] (types), [`object`] (objects and images, ELF,
//! assembly), [`codegen`] (from typed code to objects), [`linker`], [`kernel`] (bpf(2)) and [`vm`] (user space).

pub mod kernel;

mod error;
mod into_image;
mod program;

pub use skep_btf as btf;
pub use skep_codegen as codegen;
pub use skep_insn as insn;
pub use skep_link as linker;
pub use skep_object as object;
pub use skep_vm as vm;

pub use error::Error;
pub use into_image::{Build, IntoImage, Source};
pub use program::{Program, Select, SelectError};
pub use skep_btf::{BpfType, P};
pub use skep_codegen::build::{self, MapKind, Module, V, ctx, helpers};
pub use skep_codegen::{Cpu, Diag, Diags, Endian, Opt, Options};
pub use skep_derive::BpfType;
pub use skep_object::listing::Listing;
pub use skep_object::{Image, Object};
pub use skep_vm::{Checked, Cx, Engine, Func, Host, Hosts, Map, StopHandle, Trap, TrapKind, Unit};

/// Reads an ELF object. `name` is what messages call it.
///
/// # Errors
/// If the bytes are no BPF object, or a damaged one: the message names section, offset, and what was expected.
pub fn read(name: &str, bytes: &[u8]) -> Result<Object, Error> {
    Ok(object::elf::read(name, bytes)?)
}

/// Assembles a whole file. `name` is what messages and line information call it.
///
/// # Errors
/// All mistakes that were found, each with line, column and a caret.
pub fn assemble(name: &str, text: &str) -> Result<Object, Error> {
    Ok(object::asm::assemble(name, text)?)
}

/// Links an object: all that is visible by name, and what it refers to.
///
/// # Errors
/// If a reference has no meaning; see [`linker::Error`].
pub fn link(object: &Object) -> Result<Image, Error> {
    Ok(linker::link(object, &linker::Options::new())?)
}

/// The programs in the README are run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
