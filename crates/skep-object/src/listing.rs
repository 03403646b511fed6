//! Objects as text that a person reads and the assembler, too.
//!
//! ```
//! let object = skep_object::asm::assemble("two.s", "
//!         .globl main
//! main:   if r1 == 0 goto done
//!         call bpf_ktime_get_ns
//! done:   exit
//! ")?;
//! let text = skep_object::listing::Listing::new(&object).source(false).to_string();
//! let code = text.split_once("main:").unwrap().1;
//! assert!(code.contains("0: if r1 == 0x0 goto .L0_2\n"), "{text}");
//! assert!(code.contains("1: call bpf_ktime_get_ns                   # helper 5\n"), "{text}");
//! # Ok::<(), skep_object::asm::Errors>(())
//! ```
//!
//! Everything that a reader wants to know beyond what the assembler needs stands in comments: offsets, source lines,
//! who jumps to a label, what string a pointer points to. [`asm::assemble`](crate::asm::assemble) makes of the text an
//! object with the same code, data, names and maps; types, source lines and alignment inside of sections are lost.
//!
//! Names that an assembler cannot tell apart (two local symbols of one name) get a number behind them.

mod code;
mod data;
mod names;
mod tables;

use std::collections::HashSet;
use std::fmt::{self, Display, Formatter, Write};

use crate::object::{Object, Section, SectionId, SectionKind, SymbolId};
use names::Names;

/// An object as text; made by [`Listing::new`], printed by `Display`.
#[derive(Clone, Debug)]
pub struct Listing<'a> {
    object: &'a Object,
    bytes: bool,
    source: bool,
    /// Indices of the functions to list; all of the object without any.
    only: HashSet<usize>,
}

impl<'a> Listing<'a> {
    /// All of an object, with source lines.
    #[must_use]
    pub fn new(object: &'a Object) -> Listing<'a> {
        Listing { object, bytes: false, source: true, only: HashSet::new() }
    }

    /// Whether the bytes of each instruction stand in front of it.
    #[must_use]
    pub fn bytes(self, bytes: bool) -> Self {
        Listing { bytes, ..self }
    }

    /// Whether source lines stand above the instructions made from them.
    #[must_use]
    pub fn source(self, source: bool) -> Self {
        Listing { source, ..self }
    }

    /// Lists the functions of this name and of those given before, and nothing else. `None` if there is none.
    #[must_use]
    pub fn func(mut self, name: &str) -> Option<Self> {
        let named = (0..).map(SymbolId).zip(&self.object.symbols).filter(|(_, symbol)| symbol.name == name);
        let funcs = named.filter_map(|(id, _)| {
            let func = self.object.func_of(id)?;
            self.object.funcs.iter().position(|known| known == func)
        });
        let found: Vec<usize> = funcs.collect();
        self.only.extend(&found);
        (!found.is_empty()).then_some(self)
    }
}

impl Display for Listing<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let names = Names::new(self.object);
        let mut out = Out::new(f);
        if !self.only.is_empty() {
            return self.sections().try_for_each(|(id, _)| code::section(self, &names, id, &mut out));
        }
        tables::head(self.object, &mut out)?;
        tables::outside(self.object, &names, &mut out)?;
        for (id, section) in self.sections() {
            match section.kind {
                SectionKind::Code => code::section(self, &names, id, &mut out)?,
                SectionKind::Maps => tables::maps(self.object, &names, id, &mut out)?,
                _ => data::section(self.object, &names, id, &mut out)?,
            }
        }
        tables::symbols(self.object, &mut out)?;
        tables::relocs(self.object, &mut out)?;
        tables::remarks(self.object, &mut out)
    }
}

impl<'a> Listing<'a> {
    fn sections(&self) -> impl Iterator<Item = (SectionId, &'a Section)> {
        (0..).map(SectionId).zip(&self.object.sections)
    }
}

/// Takes lines, each with its comment.
struct Out<'o, 'f> {
    to: &'o mut Formatter<'f>,
    /// The line so far.
    text: String,
    /// Its comment so far.
    comment: String,
    /// Where comments begin, in characters.
    column: usize,
}

/// Where comments begin: behind instructions, behind those with their bytes in front, behind data.
const BEHIND_CODE: usize = 47;
const BEHIND_BYTES: usize = 76;
const BEHIND_DATA: usize = 55;

impl<'o, 'f> Out<'o, 'f> {
    fn new(to: &'o mut Formatter<'f>) -> Self {
        Out { to, text: String::new(), comment: String::new(), column: BEHIND_CODE }
    }

    /// Adds to the line.
    fn text(&mut self, text: impl Display) {
        // Writing to a string does not fail.
        let _ = write!(self.text, "{text}");
    }

    /// Adds to the comment of the line.
    fn note(&mut self, note: impl Display) {
        if !self.comment.is_empty() {
            self.comment.push_str(", ");
        }
        let start = self.comment.len();
        let _ = write!(self.comment, "{note}");
        // What stands in a comment must not end it.
        if self.comment[start..].contains(char::is_control) {
            let clean: String = self.comment[start..]
                .chars()
                .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
                .collect();
            self.comment.replace_range(start.., &clean);
        }
    }

    /// Ends the line.
    fn end(&mut self) -> fmt::Result {
        match (self.text.is_empty(), self.comment.is_empty()) {
            (true, true) => self.to.write_str("\n")?,
            (true, false) => writeln!(self.to, "# {}", self.comment)?,
            (false, true) => writeln!(self.to, "{}", self.text)?,
            (false, false) => {
                writeln!(self.to, "{:<1$} # {2}", self.text, self.column, self.comment)?;
            }
        }
        self.text.clear();
        self.comment.clear();
        Ok(())
    }

    /// A line of its own.
    fn line(&mut self, text: impl Display) -> fmt::Result {
        self.text(text);
        self.end()
    }

    /// A line with nothing but a comment.
    fn remark(&mut self, note: impl Display) -> fmt::Result {
        self.note(note);
        self.end()
    }

    /// A directive.
    fn directive(&mut self, text: impl Display) {
        self.text("        ");
        self.text(text);
    }
}
