//! Places in the input, as messages show them.

use std::fmt;

use skep_btf::ByteOff;
use skep_insn::{SLOT_BYTES, Slot};
use skep_object::Object;
use skep_object::object::{Contents, Place, SectionId, SymbolKind};

use crate::objects::{FuncIndex, In, Objects};

/// A place in the input: `prog+0x18 (xdp+0x58, app.c:7) in app.o`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The object.
    pub object: String,
    /// The section.
    pub section: String,
    /// Bytes from the section's start.
    pub offset: u64,
    /// The function or variable that holds the place, and bytes from its start.
    pub symbol: Option<(String, u64)>,
    /// The source line, `app.c:7`.
    pub line: Option<String>,
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Site { object, section, offset, symbol, line } = self;
        match symbol {
            Some((symbol, into)) => write!(f, "{symbol}+{into:#x} ({section}+{offset:#x}")?,
            None => write!(f, "{section}+{offset:#x}")?,
        }
        match (symbol, line) {
            (Some(_), Some(line)) => write!(f, ", {line})")?,
            (Some(_), None) => write!(f, ")")?,
            (None, Some(line)) => write!(f, " ({line})")?,
            (None, None) => {}
        }
        write!(f, " in {object}")
    }
}

impl Site {
    /// The place `offset` bytes into a section.
    pub(crate) fn new(objects: &Objects<'_>, at: In<SectionId>, offset: u64) -> Box<Site> {
        let object = objects.object(at.object);
        let section = objects.section(at);
        let is_code = matches!(section.contents, Contents::Code(_));
        let symbol = if is_code { func_around(objects, at, offset) } else { var_around(objects, at, offset) };
        let line = symbol.as_ref().filter(|_| is_code);
        let line = line.and_then(|(_, into)| line_of(object, &section.name, offset - into, offset));
        Box::new(Site { object: object.name.clone(), section: section.name.clone(), offset, symbol, line })
    }

    /// The place `at` in a function.
    pub(crate) fn in_func(objects: &Objects<'_>, func: In<FuncIndex>, at: Slot) -> Box<Site> {
        let start = Slot(objects.func(func).start);
        Site::new(objects, func.other(objects.func(func).section), start.bytes() + at.bytes())
    }
}

/// The line of a place, in the function that starts at `start`.
fn line_of(object: &Object, section: &str, start: u64, offset: u64) -> Option<String> {
    let (btf, ext) = (object.btf.as_ref()?, object.btf_ext.as_ref()?);
    let at = |offset| u32::try_from(offset).ok().map(ByteOff);
    let lines = ext.lines_of(btf, section);
    let line = lines.within(at(start)?..at(offset + 1)?).last()?;
    Some(format!("{}:{}", btf.string(line.file), line.line))
}

fn func_around(objects: &Objects<'_>, at: In<SectionId>, offset: u64) -> Option<(String, u64)> {
    let slot = Slot(u32::try_from(offset / SLOT_BYTES as u64).ok()?);
    let func = objects.func_at(at, slot)?;
    let into = offset - Slot(objects.func(func).start).bytes();
    Some((objects.func_name(func).to_owned(), into))
}

fn var_around(objects: &Objects<'_>, at: In<SectionId>, offset: u64) -> Option<(String, u64)> {
    let var = objects.object(at.object).symbols.iter().find(|symbol| {
        symbol.place == Place::Section(at.id)
            && symbol.kind != SymbolKind::Section
            && offset.checked_sub(symbol.value).is_some_and(|into| into < symbol.size)
    })?;
    Some((var.name.clone(), offset - var.value))
}
