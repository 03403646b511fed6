//! Objects from assembly.
//!
//! The text is that of clang's `-S --target=bpf`, and what people write by hand: instructions in the syntax that the
//! kernel and LLVM print, directives by the names of the GNU assembler, and a few of our own (`.map`, `.license`)
//! for what C does with macros. `docs/assembly.md` describes all of it.
//!
//! ```
//! let object = skep_object::asm::assemble("two.s", "
//!         .globl main
//! main:   r0 = 2
//!         exit
//! ")?;
//! assert_eq!(object.funcs.len(), 1);
//! # Ok::<(), skep_object::asm::Errors>(())
//! ```

mod code;
mod cursor;
mod data;
mod define;
mod diag;
mod directive;
mod expr;
mod finish;
mod functions;
mod map;
mod plain;
mod resolve;
mod section;
mod source;
mod symbols;
mod types;
mod unit;

use skep_insn::Endian;

use crate::object::Object;

pub use diag::{Diag, Errors};

use diag::Fault;
use source::Source;
use unit::Unit;

/// How to assemble.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Byte order of the object; `.endian` in the text overrides it.
    pub endian: Endian,
}

/// The names of all directives, those that are refused with a remedy included.
pub fn directives() -> impl Iterator<Item = &'static str> {
    directive::names()
}

/// Assembles a file. `name` is what messages and source lines call it.
///
/// Without type information of its own, the object gets some: each function a `FUNC`, each instruction the line of
/// the assembly file that it stands in.
///
/// # Errors
/// Everything that is wrong with the text, each with its line; [`Errors`] shows them as compilers do.
pub fn assemble(name: &str, text: &str) -> Result<Object, Errors> {
    assemble_with(name, text, &Options::default())
}

/// Assembles a file as [`assemble`] does, with options.
///
/// # Errors
/// As [`assemble`].
pub fn assemble_with(name: &str, text: &str, options: &Options) -> Result<Object, Errors> {
    let source = Source::new(name, text);
    let mut unit = Unit::new(&source, options.endian);
    if let Some(at) = source.unclosed {
        unit.faults.add(Fault::new(at, "the comment has no end; expected '*/'"));
    }
    for statement in source.statements() {
        unit.statement(statement);
    }
    finish::object(unit).map_err(|faults| faults.into_errors(&source))
}

/// Whether a name can be written without quotes.
pub(crate) fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && cursor::name_len(name) == name.len() && !code::is_reserved(name)
}
