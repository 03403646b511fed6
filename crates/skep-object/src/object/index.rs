//! Brings an object into its normal form, and derives what follows from sections, symbols and relocations.
//!
//! The reader and the builder both end here, so that an object means the same wherever it came from.

use skep_insn::RawInsn;

use super::{Contents, Object, Place, Reloc, RelocKind, Section, SectionKind, SymbolId, is_ld_imm64};
use super::{funcs, maps};
use crate::error::{Error, RelocFault, SectionRef, SymbolRef};

pub(super) fn index(object: &mut Object) -> Result<(), Error> {
    check_sections(object)?;
    check_symbols(object)?;
    sort_symbols(object);
    for section in 0..object.sections.len() {
        sort_relocs(&mut object.sections[section])?;
        check_relocs(object, &object.sections[section])?;
    }
    object.funcs = funcs::find(object)?;
    object.license = license(object)?;
    object.version = version(object)?;
    object.maps = maps::find(object)?;
    Ok(())
}

/// The sections of an object and what they hold fit each other.
fn check_sections(object: &Object) -> Result<(), Error> {
    for (index, section) in (0..).zip(&object.sections) {
        let fault = |field, found: String, expected: &str| Error::Section {
            section: SectionRef { index, name: Some(section.name.clone()) },
            field,
            found,
            expected: expected.to_owned(),
        };
        if !is_program_name(&section.name) {
            return Err(fault(
                "name",
                section.name.clone(),
                "the name of a section that a program consists of",
            ));
        }
        if !section.align.is_power_of_two() || section.align > MAX_ALIGN {
            return Err(fault(
                "alignment",
                format!("{:#x}", section.align),
                "a power of two, at most 0x100000",
            ));
        }
        if section.contents.len() > MAX_SECTION {
            return Err(fault("length", format!("{:#x}", section.contents.len()), "at most 0x80000000"));
        }
        let kind = SectionKind::of(&section.name, &section.contents, section.kind != SectionKind::Rodata);
        if section.kind != kind {
            let expected = format!("{kind:?}, which its name and contents say");
            return Err(fault("kind", format!("{:?}", section.kind), &expected));
        }
    }
    Ok(())
}

/// Whether a section of this name may be part of a program. Type information has its own place in an object; unwinding
/// tables and notes are loaded in other worlds, but not in that of BPF.
pub(crate) fn is_program_name(name: &str) -> bool {
    !matches!(name, ".BTF" | ".BTF.ext" | ".eh_frame") && !name.starts_with(".note")
}

/// The kernel's map values are shorter, and offsets of `ld_imm64` have 31 bits beside their sign.
const MAX_SECTION: u64 = 1 << 31;

/// Sixteen of the largest pages; more only wastes memory.
const MAX_ALIGN: u64 = 1 << 20;

fn check_symbols(object: &Object) -> Result<(), Error> {
    for (index, symbol) in (1..).zip(&object.symbols) {
        let Place::Section(id) = symbol.place else { continue };
        let fault = |what| Error::Symbol { symbol: SymbolRef { index, name: symbol.name.clone() }, what };
        let Some(section) = object.sections.get(id.0 as usize) else {
            return Err(fault(format!(
                "section {} does not exist, expected 0 to {}",
                id.0,
                object.sections.len()
            )));
        };
        let len = section.contents.len();
        if symbol.value.checked_add(symbol.size).is_none_or(|end| end > len) {
            return Err(fault(format!(
                "takes {:#x} bytes at {:#x} of section '{}', which has {len:#x}",
                symbol.size, symbol.value, section.name
            )));
        }
    }
    Ok(())
}

/// Puts local symbols first, as ELF demands, and renumbers the relocations.
fn sort_symbols(object: &mut Object) {
    let is_local = |at: &usize| object.symbols[*at].binding == super::Binding::Local;
    if object.symbols.is_sorted_by_key(|symbol| symbol.binding != super::Binding::Local) {
        return;
    }
    let (locals, others): (Vec<usize>, Vec<usize>) = (0..object.symbols.len()).partition(is_local);
    let mut old: Vec<_> = std::mem::take(&mut object.symbols).into_iter().map(Some).collect();
    let mut renumbered = vec![SymbolId(u32::MAX); old.len()];
    for (new, at) in (0..).map(SymbolId).zip(locals.into_iter().chain(others)) {
        renumbered[at] = new;
        object.symbols.extend(old[at].take());
    }
    for reloc in object.sections.iter_mut().flat_map(|section| &mut section.relocs) {
        // An index outside stays outside, and is found below.
        reloc.symbol = renumbered.get(reloc.symbol.0 as usize).copied().unwrap_or(SymbolId(u32::MAX));
    }
}

fn sort_relocs(section: &mut Section) -> Result<(), Error> {
    if !section.relocs.is_sorted_by_key(|reloc| reloc.offset) {
        section.relocs.sort_by_key(|reloc| reloc.offset);
    }
    for pair in section.relocs.windows(2) {
        if pair[1].offset - pair[0].offset < pair[0].kind.size() {
            let what = RelocFault::Overlap { other: pair[0].offset };
            return Err(Error::Reloc { section: section.name.clone(), offset: pair[1].offset, what });
        }
    }
    Ok(())
}

/// Each relocation patches an empty place of its kind, and names a symbol.
fn check_relocs(object: &Object, section: &Section) -> Result<(), Error> {
    let fault =
        |reloc: &Reloc, what| Error::Reloc { section: section.name.clone(), offset: reloc.offset, what };
    let len = section.contents.len();
    for reloc in &section.relocs {
        let size = reloc.kind.size();
        if reloc.offset.checked_add(size).is_none_or(|end| end > len) {
            return Err(fault(reloc, RelocFault::Outside { size, len }));
        }
        if object.symbols.get(reloc.symbol.0 as usize).is_none() {
            let (found, last) = (u64::from(reloc.symbol.0) + 1, object.symbols.len() as u64);
            return Err(fault(reloc, RelocFault::NoSymbol { found, last }));
        }
        check_addend(reloc).map_err(|what| fault(reloc, what))?;
        let place = match &section.contents {
            Contents::Code(slots) => check_insn(slots, reloc),
            Contents::Bytes(bytes) => check_bytes(bytes, reloc),
            Contents::Zeros(_) => Err(RelocFault::Zeros),
        };
        place.map_err(|what| fault(reloc, what))?;
    }
    match &section.contents {
        Contents::Code(slots) => check_starts(slots, section),
        _ => Ok(()),
    }
}

/// The addend can be written where the relocation's place has room for it.
fn check_addend(reloc: &Reloc) -> Result<(), RelocFault> {
    let (fits, expected) = match reloc.kind {
        RelocKind::Call => (
            reloc.addend % 8 == 0 && i32::try_from(reloc.addend / 8 - 1).is_ok(),
            "a multiple of 8 that is, in slots, less than 2^31",
        ),
        RelocKind::LoadImm64 => {
            (!(1 << 31..1 << 32).contains(&reloc.addend), "not 2^31 to 2^32-1, which reads as negative")
        }
        RelocKind::Abs32 => (i32::try_from(reloc.addend).is_ok(), "32 bits"),
        RelocKind::Abs64 => (true, ""),
    };
    if fits { Ok(()) } else { Err(RelocFault::Addend { found: reloc.addend, expected }) }
}

fn misplaced(kind: RelocKind, place: &'static str, expected: &'static str) -> RelocFault {
    RelocFault::Misplaced { ty: kind.spec_name(), number: kind.number(), place, expected }
}

/// What stands in a place of code that a relocation patches.
pub(crate) const EMPTY_CALL: RawInsn = RawInsn::new(0x85, 0, 1, 0, -1);

fn check_insn(slots: &[RawInsn], reloc: &Reloc) -> Result<(), RelocFault> {
    if !reloc.offset.is_multiple_of(8) {
        return Err(RelocFault::Misaligned);
    }
    // The caller has seen that the place lies inside.
    let at = usize::try_from(reloc.offset / 8).unwrap_or(usize::MAX);
    let empty = match (reloc.kind, slots.get(at..).unwrap_or_default()) {
        (RelocKind::Call, [insn, ..]) => *insn == EMPTY_CALL,
        (RelocKind::LoadImm64, [insn, second, ..]) => {
            *insn == RawInsn::new(insn.code, insn.dst(), 0, 0, 0)
                && is_ld_imm64(*insn)
                && *second == RawInsn::default()
        }
        (RelocKind::Call | RelocKind::LoadImm64, _) => false,
        (kind, _) => return Err(misplaced(kind, "code", "R_BPF_64_64 or R_BPF_64_32")),
    };
    let expected = match reloc.kind {
        RelocKind::Call => "call with src 1 and imm -1",
        _ => "ld_imm64 with src 0 and value 0",
    };
    match empty {
        true => Ok(()),
        false => Err(RelocFault::NotEmpty { found: format!("{:?}", slots[at]), expected }),
    }
}

fn check_bytes(bytes: &[u8], reloc: &Reloc) -> Result<(), RelocFault> {
    if matches!(reloc.kind, RelocKind::Call | RelocKind::LoadImm64) {
        return Err(misplaced(reloc.kind, "data", "R_BPF_64_ABS64 or R_BPF_64_ABS32"));
    }
    let start = usize::try_from(reloc.offset).unwrap_or(usize::MAX);
    let place = bytes.get(start..).unwrap_or_default();
    let place = &place[..place.len().min(usize::try_from(reloc.kind.size()).unwrap_or(usize::MAX))];
    match place.iter().all(|&b| b == 0) {
        true => Ok(()),
        false => Err(RelocFault::NotEmpty { found: format!("{place:02x?}"), expected: "zeros" }),
    }
}

/// No relocation patches the second slot of `ld_imm64`.
fn check_starts(slots: &[RawInsn], section: &Section) -> Result<(), Error> {
    let mut relocs = section.relocs.iter().peekable();
    let mut at = 0;
    while let (Some(insn), Some(next)) = (slots.get(at), relocs.peek()) {
        let offset = at as u64 * 8;
        if next.offset < offset {
            let what = RelocFault::SecondSlot;
            return Err(Error::Reloc { section: section.name.clone(), offset: next.offset, what });
        }
        if next.offset == offset {
            relocs.next();
        }
        at += if is_ld_imm64(*insn) { 2 } else { 1 };
    }
    match relocs.next() {
        Some(reloc) => Err(Error::Reloc {
            section: section.name.clone(),
            offset: reloc.offset,
            what: RelocFault::SecondSlot,
        }),
        None => Ok(()),
    }
}

/// The bytes of the note section of this name.
fn note<'a>(object: &'a Object, name: &str) -> Option<&'a [u8]> {
    let (_, section) = object.section_by_name(name)?;
    match &section.contents {
        Contents::Bytes(bytes) if section.kind == SectionKind::Note => Some(bytes),
        _ => None,
    }
}

fn license(object: &mut Object) -> Result<Option<String>, Error> {
    let Some(bytes) = note(object, "license") else { return Ok(None) };
    let fault = |offset: usize, what: &str| Error::Contents {
        section: "license".to_owned(),
        offset: offset as u64,
        what: what.to_owned(),
    };
    let len = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    let text = std::str::from_utf8(&bytes[..len])
        .map_err(|e| fault(e.valid_up_to(), "not UTF-8, expected the name of a licence"))?
        .to_owned();
    if bytes[len..].iter().any(|&b| b != 0) {
        object.remarks.push(format!("section 'license'+{len:#x}: what follows the first string is not used"));
    }
    Ok(Some(text))
}

fn version(object: &Object) -> Result<Option<u32>, Error> {
    let Some(bytes) = note(object, "version") else { return Ok(None) };
    match <[u8; 4]>::try_from(bytes) {
        Ok(bytes) => Ok(Some(match object.endian {
            skep_insn::Endian::Little => u32::from_le_bytes(bytes),
            skep_insn::Endian::Big => u32::from_be_bytes(bytes),
        })),
        Err(_) => Err(Error::Contents {
            section: "version".to_owned(),
            offset: 0,
            what: format!("{} bytes, expected a 32-bit kernel version", bytes.len()),
        }),
    }
}
