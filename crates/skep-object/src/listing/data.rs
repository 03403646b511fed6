//! Data sections.

use std::collections::HashMap;
use std::fmt;

use skep_btf::{Btf, Type, TypeId};
use skep_insn::Endian;

use super::names::{self, Names, quoted, spell};
use super::{Out, code};
use crate::object::{Contents, Object, Place, Reloc, RelocKind, Section, SectionId, SectionKind, SymbolId};

/// A section of data: its variables, and what they begin with.
pub(super) fn section(
    object: &Object,
    names: &Names<'_>,
    id: SectionId,
    out: &mut Out<'_, '_>,
) -> fmt::Result {
    let section = object.section(id);
    let placed = names.placed(id);
    if section.contents.is_empty() && placed.is_empty() {
        return Ok(());
    }
    out.column = super::BEHIND_DATA;
    out.end()?;
    let flags = match (section.kind, &section.contents) {
        (_, Contents::Zeros(_)) => "\"aw\",@nobits",
        (SectionKind::Rodata, _) => "\"a\"",
        _ => "\"aw\"",
    };
    out.directive(format_args!(".section {},{flags}", spell(&section.name)));
    out.end()?;
    if section.align > 1 {
        out.directive(format_args!(".balign {}", section.align));
        out.end()?;
    }
    let widths = widths(object, section);
    let mut printer =
        Printer { object, names, section, relocs: section.relocs.iter().peekable(), width: 1, out };
    let mut from = 0;
    let mut end = 0;
    for (index, &symbol) in placed.iter().enumerate() {
        let at = object.symbol_by_id(symbol).value;
        // Padding is no part of the variable in front of it.
        printer.bytes(from, end.clamp(from, at))?;
        printer.width = 1;
        printer.bytes(end.clamp(from, at), at)?;
        (from, end) = (at, at + object.symbol_by_id(symbol).size);
        let next =
            placed[index + 1..].iter().map(|&id| object.symbol_by_id(id).value).find(|&next| next > at);
        printer.label(symbol, next.unwrap_or(section.contents.len()))?;
        printer.width = widths.get(object.symbol_by_id(symbol).name.as_str()).copied().unwrap_or(1);
    }
    let all = section.contents.len();
    printer.bytes(from, end.clamp(from, all))?;
    printer.width = 1;
    printer.bytes(end.clamp(from, all), all)
}

/// Bytes in each number of the variables that consist of numbers of one size.
fn widths<'a>(object: &'a Object, section: &Section) -> HashMap<&'a str, u8> {
    let Some(btf) = &object.btf else { return HashMap::new() };
    let Some((_, datasec)) = btf.datasec(&section.name) else { return HashMap::new() };
    let vars = datasec.vars.iter().filter_map(|var| match btf.ty(var.var) {
        Type::Var(variable) => Some((btf.name(var.var), width(btf, variable.ty)?)),
        _ => None,
    });
    vars.collect()
}

fn width(btf: &Btf, ty: TypeId) -> Option<u8> {
    let mut ty = btf.resolve(ty)?;
    // An array of arrays can be damaged to hold itself.
    for _ in 0..16 {
        match btf.ty(ty) {
            Type::Array(array) => ty = btf.resolve(array.elem)?,
            Type::Int(_) | Type::Enum(_) | Type::Enum64(_) | Type::Ptr(_) => break,
            _ => return None,
        }
    }
    u8::try_from(btf.size_of(ty)?).ok().filter(|size| matches!(size, 2 | 4 | 8))
}

struct Printer<'p, 'o, 'f, 'a, I: Iterator<Item = &'a Reloc>> {
    object: &'a Object,
    names: &'p Names<'a>,
    section: &'a Section,
    relocs: std::iter::Peekable<I>,
    /// Bytes in each number of the current variable.
    width: u8,
    out: &'p mut Out<'o, 'f>,
}

/// Bytes in a line.
const ROW: usize = 8;
/// From how many on zeros are counted, not shown.
const ZEROS: usize = 16;
/// From how many characters on bytes between others are text.
const TEXT: usize = 4;

impl<'a, I: Iterator<Item = &'a Reloc>> Printer<'_, '_, '_, 'a, I> {
    /// The label of a variable that ends at `end` unless it says otherwise.
    fn label(&mut self, id: SymbolId, end: u64) -> fmt::Result {
        let symbol = self.object.symbol_by_id(id);
        let name = self.names.symbol(id);
        code::visibility(self.object, id, name, self.out)?;
        if symbol.size != 0 && symbol.size != end - symbol.value {
            self.out.directive(format_args!(".size {name}, {}", symbol.size));
            self.out.end()?;
        }
        self.out.text(format_args!("{name}:"));
        if symbol.size != 0 {
            let plural = if symbol.size == 1 { "" } else { "s" };
            self.out.note(format_args!("{} byte{plural} at {:#x}", symbol.size, symbol.value));
        }
        self.out.end()
    }

    /// What stands from one offset to another, between two labels.
    fn bytes(&mut self, from: u64, to: u64) -> fmt::Result {
        let mut at = from;
        while at < to {
            let reloc = self.relocs.next_if(|reloc| reloc.offset <= at);
            if let Some(reloc) = reloc {
                self.pointer(reloc)?;
                at = reloc.offset + reloc.kind.size();
                continue;
            }
            let end = self.relocs.peek().map_or(to, |reloc| reloc.offset.min(to));
            match &self.section.contents {
                Contents::Bytes(bytes) => {
                    let range = [at, end].map(|offset| usize::try_from(offset).unwrap_or(usize::MAX));
                    self.plain(at, bytes.get(range[0]..range[1]).unwrap_or_default())?;
                }
                _ => self.zeros(at, end - at)?,
            }
            at = end;
        }
        Ok(())
    }

    fn pointer(&mut self, reloc: &Reloc) -> fmt::Result {
        let directive = match reloc.kind {
            RelocKind::Abs32 => ".long",
            _ => ".quad",
        };
        let symbol = self.object.symbol_by_id(reloc.symbol);
        self.out.directive(format_args!("{directive} {}", self.names.target(reloc.symbol, reloc.addend)));
        self.out.note(format_args!("{:#06x}", reloc.offset));
        let offset = symbol.value.wrapping_add_signed(reloc.addend);
        if let Place::Section(id) = symbol.place
            && let Some(text) = names::string_at(self.object, id, offset)
        {
            self.out.note(text);
        }
        self.out.end()
    }

    fn zeros(&mut self, at: u64, count: u64) -> fmt::Result {
        self.out.directive(format_args!(".zero {count}"));
        self.out.note(format_args!("{at:#06x}"));
        self.out.end()
    }

    /// Bytes that nothing patches: as text, as zeros, as numbers.
    fn plain(&mut self, at: u64, bytes: &[u8]) -> fmt::Result {
        let mut rest = bytes;
        let mut pending = 0;
        let mut expects_text = true;
        // Numbers up to the next text or zeros; `pending` counts them.
        while pending < rest.len() {
            let here = &rest[pending..];
            let zeros = here.iter().take_while(|&&byte| byte == 0).count();
            let is_start = pending == 0 || rest[pending - 1] == 0;
            let text =
                if self.width == 1 && is_start { text_len(here, expects_text && pending == 0) } else { 0 };
            let is_aligned = pending.is_multiple_of(usize::from(self.width));
            let special = text.max(if zeros >= ZEROS || zeros == rest.len() { zeros } else { 0 });
            if special == 0 || !is_aligned {
                pending += 1;
                continue;
            }
            let offset = at + (bytes.len() - rest.len()) as u64;
            self.numbers(offset, &rest[..pending])?;
            let offset = offset + pending as u64;
            if text > 0 {
                self.out.directive(format_args!(".asciz {}", quoted(&here[..text])));
                self.out.note(format_args!("{offset:#06x}"));
                self.out.end()?;
            } else {
                self.zeros(offset, zeros as u64)?;
            }
            expects_text = text > 0;
            rest = &here[special + usize::from(text > 0)..];
            pending = 0;
        }
        self.numbers(at + (bytes.len() - rest.len()) as u64, rest)
    }

    fn numbers(&mut self, at: u64, bytes: &[u8]) -> fmt::Result {
        let mut at = at;
        let whole = bytes.len().is_multiple_of(usize::from(self.width));
        let width = if whole { usize::from(self.width) } else { 1 };
        let directive = match width {
            2 => ".short",
            4 => ".long",
            8 => ".quad",
            _ => ".byte",
        };
        for row in bytes.chunks(ROW.max(width * 2)) {
            let numbers: Vec<String> =
                row.chunks(width).map(|bytes| number(bytes, self.object.endian)).collect();
            self.out.directive(format_args!("{directive} {}", numbers.join(",")));
            self.out.note(format_args!("{at:#06x}"));
            if width == 1 && row.iter().any(u8::is_ascii_graphic) {
                let text: String =
                    row.iter().map(|&b| if matches!(b, b' '..=b'~') { char::from(b) } else { '.' }).collect();
                self.out.note(text);
            }
            self.out.end()?;
            at += row.len() as u64;
        }
        Ok(())
    }
}

/// Length of the C string at the start, if it is one that a person wrote: of any length where one is expected, at
/// the start of a variable or behind another, else longer than what happens by chance.
fn text_len(bytes: &[u8], is_expected: bool) -> usize {
    let Some(len) = bytes.iter().position(|&byte| !names::is_text(byte)) else { return 0 };
    let least = if is_expected { 1 } else { TEXT };
    let is_text = bytes[len] == 0 && len >= least && std::str::from_utf8(&bytes[..len]).is_ok();
    if is_text { len } else { 0 }
}

fn number(bytes: &[u8], endian: Endian) -> String {
    let digit = |value: u64, &byte: &u8| value << 8 | u64::from(byte);
    let value = match endian {
        Endian::Little => bytes.iter().rev().fold(0, digit),
        Endian::Big => bytes.iter().fold(0, digit),
    };
    format!("{value:#x}")
}
