//! The text form of the IR, both ways. `docs/sir.md` describes the language.
//!
//! What [`print()`] prints, [`parse`] reads back as the same module, in a normal form: values are numbered in the order
//! of the text, and a constant is a node of its own wherever it is used.
//!
//! ```
//! use skep_codegen::ir::text;
//!
//! let source = "\
//! module \"square.c\"
//!
//! fn @square(i32) -> i32 {
//! b0(v0: i32):
//!   v1 = mul i32 v0, v0
//!   ret v1
//! }
//! ";
//! let module = text::parse("square.sir", source)?;
//! assert_eq!(module.funcs.len(), 1);
//! assert_eq!(text::print(&module), source);
//! # Ok::<(), text::Errors>(())
//! ```

mod error;
mod lex;
mod parse;
mod print;
mod types;

use std::fmt;

use super::{Func, Module, Value};
pub(crate) use print::Body;

pub use skep_object::asm::{Diag, Errors};

/// The text of a module.
#[must_use]
pub fn print(module: &Module) -> String {
    print::module(module)
}

/// Shows one function of a module, as [`print()`] does.
pub fn func<'a>(module: &'a Module, func: &'a Func) -> impl fmt::Display + use<'a> {
    print::FuncText { module, func }
}

/// Shows one instruction of a function, as [`print()`] does, without its place.
pub fn inst<'a>(module: &'a Module, func: &'a Func, value: Value) -> impl fmt::Display + use<'a> {
    print::InstText { module, func, value }
}

/// Reads a module. `name` is what messages call the text, and the name of the module if the text gives it none.
///
/// The text is only read: whether the module makes sense is told by [`super::validate::module`].
///
/// # Errors
/// Everything that is wrong with the text, each with its line.
pub fn parse(name: &str, text: &str) -> Result<Module, Errors> {
    parse::module(name, text)
}
