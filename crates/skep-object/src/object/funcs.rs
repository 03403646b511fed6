//! Finds the functions of an object: which parts of its code sections have a name, and which have none.
//!
//! A function begins at a `STT_FUNC` symbol, or (old clang, hand-written assembly) at a global symbol without a
//! type that does not lie inside a function of known size. It ends where its size says, or before the next one.
//! Code that no function covers gets one, so that nothing is lost.

use std::collections::HashMap;
use std::ops::Range;

use skep_insn::RawInsn;

use super::{
    Binding, Contents, Func, Object, Place, Section, SectionId, SectionKind, Symbol, SymbolId, SymbolKind,
    is_ld_imm64,
};
use crate::error::{Error, SymbolRef};

/// A place in a section where a function may begin, in slots.
struct Start {
    at: u32,
    /// Slots that the symbols give it; 0 if none does.
    len: u32,
    symbol: SymbolId,
}

pub(super) fn find(object: &mut Object) -> Result<Vec<Func>, Error> {
    let starts = starts(object)?;
    let labels = local_labels(object);
    let mut found = Found::default();
    for (id, starts) in (0..).map(SectionId).zip(&starts) {
        if object.section(id).kind == SectionKind::Code {
            of_section(object, id, starts, &labels, &mut found)?;
        }
    }
    add_symbols(object, &mut found);
    Ok(found.funcs)
}

fn fault(object: &Object, id: SymbolId, what: String) -> Error {
    let name = object.symbol_by_id(id).name.clone();
    Error::Symbol { symbol: SymbolRef { index: u64::from(id.0) + 1, name }, what }
}

/// All candidates of each section, ordered; several symbols at one place are one candidate.
fn starts(object: &mut Object) -> Result<Vec<Vec<Start>>, Error> {
    let mut found: Vec<Vec<Start>> = object.sections.iter().map(|_| Vec::new()).collect();
    let mut remarks = Vec::new();
    for (id, symbol) in (0..).map(SymbolId).zip(&object.symbols) {
        let (Place::Section(section), SymbolKind::Func) = (symbol.place, symbol.kind) else { continue };
        let home = object.section(section);
        if home.kind != SectionKind::Code {
            let what = format!("is a function, but section '{}' holds no code", home.name);
            return Err(fault(object, id, what));
        }
        if !symbol.value.is_multiple_of(8) || !symbol.size.is_multiple_of(8) {
            let (value, size) = (symbol.value, symbol.size);
            let what = format!(
                "begins at {value:#x} and takes {size:#x} bytes, expected multiples of 8 for a function"
            );
            return Err(fault(object, id, what));
        }
        if symbol.value == home.contents.len() {
            remarks.push(format!(
                "function '{}' is empty: it begins at the end of section '{}'",
                symbol.name, home.name
            ));
            continue;
        }
        let (at, len) = (slots(symbol.value), slots(symbol.size));
        found[section.0 as usize].push(Start { at, len, symbol: id });
    }
    object.remarks.extend(remarks);
    found.iter_mut().for_each(|starts| starts.sort_by_key(|start| start.at));
    let labels = labels(object, &found);
    for (starts, labels) in found.iter_mut().zip(labels) {
        if !labels.is_empty() {
            starts.extend(labels);
            starts.sort_by_key(|start| start.at);
        }
        unite_aliases(object, starts)?;
    }
    Ok(found)
}

/// Global symbols without a type that name code outside of functions of known size.
fn labels(object: &Object, known: &[Vec<Start>]) -> Vec<Vec<Start>> {
    let mut found: Vec<Vec<Start>> = known.iter().map(|_| Vec::new()).collect();
    for (id, symbol) in (0..).map(SymbolId).zip(&object.symbols) {
        let (Place::Section(section), SymbolKind::NoType) = (symbol.place, symbol.kind) else { continue };
        let home = object.section(section);
        let is_label = symbol.binding == Binding::Local || !symbol.value.is_multiple_of(8);
        if is_label || home.kind != SectionKind::Code || symbol.value >= home.contents.len() {
            continue;
        }
        let at = slots(symbol.value);
        let funcs = &known[section.0 as usize];
        let before = funcs.partition_point(|start| start.at < at).checked_sub(1).map(|last| &funcs[last]);
        if before.is_none_or(|func| func.len == 0 || func.at + func.len <= at) {
            found[section.0 as usize].push(Start { at, len: slots(symbol.size), symbol: id });
        }
    }
    found
}

/// Leaves one candidate for each place, named by the best of its symbols.
fn unite_aliases(object: &Object, starts: &mut Vec<Start>) -> Result<(), Error> {
    let mut clash = None;
    starts.dedup_by(|next, kept| {
        if next.at != kept.at {
            return false;
        }
        if next.len != 0 && kept.len != 0 && next.len != kept.len {
            clash.get_or_insert((kept.symbol, kept.len, next.symbol, next.len));
        }
        kept.len = kept.len.max(next.len);
        if rank(object.symbol_by_id(next.symbol)) < rank(object.symbol_by_id(kept.symbol)) {
            kept.symbol = next.symbol;
        }
        true
    });
    match clash {
        None => Ok(()),
        Some((one, one_len, other, other_len)) => Err(fault(
            object,
            other,
            format!(
                "takes {:#x} bytes, but '{}' at the same place takes {:#x}",
                u64::from(other_len) * 8,
                object.symbol_by_id(one).name,
                u64::from(one_len) * 8
            ),
        )),
    }
}

/// Of the names of one function, the least is the one to show.
fn rank(symbol: &Symbol) -> (bool, u8) {
    let binding = match symbol.binding {
        Binding::Global => 0,
        Binding::Weak => 1,
        Binding::Local => 2,
    };
    (symbol.kind != SymbolKind::Func, binding)
}

/// The functions found so far, and the symbols that have to be made for some of them.
#[derive(Default)]
struct Found {
    funcs: Vec<Func>,
    /// Index in `funcs`, and the symbol that it still lacks.
    made: Vec<(usize, Symbol)>,
}

/// Fits the candidates of a section together and fills the gaps between them.
fn of_section(
    object: &Object,
    id: SectionId,
    starts: &[Start],
    labels: &Labels,
    found: &mut Found,
) -> Result<(), Error> {
    let section = object.section(id);
    let end = slots(section.contents.len());
    let mut covered = 0;
    for (i, start) in starts.iter().enumerate() {
        if start.at < covered {
            let first = found.funcs.last().map(|func| object.symbol_by_id(func.symbol).name.clone());
            return Err(Error::FuncOverlap {
                section: section.name.clone(),
                first: first.unwrap_or_default(),
                end: u64::from(covered) * 8,
                second: object.symbol_by_id(start.symbol).name.clone(),
                offset: u64::from(start.at) * 8,
            });
        }
        fill_gap(section, id, covered..start.at, labels, found);
        covered = match start.len {
            0 => starts.get(i + 1).map_or(end, |next| next.at),
            len => start.at.saturating_add(len),
        };
        let len = trimmed(code(section, start.at..covered)).max(1);
        found.funcs.push(Func { symbol: start.symbol, section: id, start: start.at, len });
    }
    fill_gap(section, id, covered..end, labels, found);
    Ok(())
}

/// Makes a function of code that has no name, if it is more than padding.
fn fill_gap(section: &Section, id: SectionId, gap: Range<u32>, labels: &Labels, found: &mut Found) {
    let Some(skip) = code(section, gap.clone()).iter().position(|slot| *slot != RawInsn::default()) else {
        return;
    };
    let start = gap.start + slots(skip as u64 * 8);
    let len = trimmed(code(section, start..gap.end));
    let offset = u64::from(start) * 8;
    let symbol = labels.get(&(id, offset)).copied().unwrap_or_else(|| {
        let name = if start == 0 { section.name.clone() } else { format!("{}+{offset:#x}", section.name) };
        found.made.push((found.funcs.len(), Symbol::func(name, id, offset, u64::from(len) * 8)));
        SymbolId(u32::MAX)
    });
    found.funcs.push(Func { symbol, section: id, start, len });
}

/// Local labels by place: one may name code that no function covers.
type Labels = HashMap<(SectionId, u64), SymbolId>;

fn local_labels(object: &Object) -> Labels {
    let mut labels = Labels::new();
    for (id, symbol) in (0..).map(SymbolId).zip(&object.symbols) {
        if let (Place::Section(section), SymbolKind::NoType) = (symbol.place, symbol.kind)
            && !symbol.name.is_empty()
            && object.section(section).kind == SectionKind::Code
        {
            labels.entry((section, symbol.value)).or_insert(id);
        }
    }
    labels
}

/// Adds the symbols that were made behind the last local one, and renumbers.
fn add_symbols(object: &mut Object, found: &mut Found) {
    if found.made.is_empty() {
        return;
    }
    let locals = object.symbols.partition_point(|symbol| symbol.binding == Binding::Local);
    let more = slots(found.made.len() as u64 * 8);
    let renumber = |id: &mut SymbolId| {
        if id.0 as usize >= locals {
            id.0 = id.0.saturating_add(more);
        }
    };
    object
        .sections
        .iter_mut()
        .flat_map(|section| &mut section.relocs)
        .for_each(|reloc| renumber(&mut reloc.symbol));
    found.funcs.iter_mut().for_each(|func| renumber(&mut func.symbol));
    for (new, (func, symbol)) in (slots(locals as u64 * 8)..).zip(&found.made) {
        found.funcs[*func].symbol = SymbolId(new);
        let section = &object.section(found.funcs[*func].section).name;
        object.remarks.push(format!(
            "section '{section}'+{:#x}: code without a symbol, called '{}'",
            symbol.value, symbol.name
        ));
    }
    object.symbols.splice(locals..locals, found.made.drain(..).map(|(_, symbol)| symbol));
}

/// Length of code without the zero slots at its end, which are padding.
fn trimmed(code: &[RawInsn]) -> u32 {
    let mut len = code.iter().rposition(|slot| *slot != RawInsn::default()).map_or(0, |last| last + 1);
    // The second slot of ld_imm64 is zeros where its value is small, or still to be patched.
    if len > 0 && len < code.len() && is_ld_imm64(code[len - 1]) {
        len += 1;
    }
    slots(len as u64 * 8)
}

fn code(section: &Section, part: Range<u32>) -> &[RawInsn] {
    match &section.contents {
        Contents::Code(slots) => slots.get(part.start as usize..part.end as usize).unwrap_or_default(),
        _ => &[],
    }
}

/// Bytes to slots; sections are shorter than 2^32 slots.
fn slots(bytes: u64) -> u32 {
    u32::try_from(bytes / 8).unwrap_or(u32::MAX)
}
