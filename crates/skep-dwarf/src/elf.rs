//! ELF files: the debug sections as a debugger would see them, and the symbols.

use std::borrow::Cow;

use object::read::elf::ElfFile;
use object::{Object, ObjectKind, ObjectSection, ObjectSymbol, SectionIndex, SymbolKind};

use crate::error::Error;
use crate::reader::index;
use crate::relocate;
use crate::sections::Sections;

/// What is used of an ELF file.
#[derive(Debug)]
pub(crate) struct Elf<'d> {
    pub(crate) sections: Sections<'d>,
    /// The sections of split units that are in this file.
    pub(crate) split: Sections<'d>,
    /// Sections that are loaded, sorted by address.
    pub(crate) loaded: Vec<Loaded<'d>>,
    pub(crate) symbols: Vec<Symbol<'d>>,
    pub(crate) machine: object::Architecture,
}

/// A section that is loaded.
#[derive(Debug)]
pub(crate) struct Loaded<'d> {
    pub(crate) name: &'d str,
    /// In an object file, whose sections have no addresses yet, one that no other section has.
    pub(crate) address: u64,
    pub(crate) size: u64,
    pub(crate) index: SectionIndex,
}

/// A function or variable with a place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Symbol<'d> {
    pub(crate) name: &'d [u8],
    pub(crate) address: u64,
    pub(crate) size: u64,
    pub(crate) is_function: bool,
}

/// Reads a file.
pub(crate) fn read(data: &[u8]) -> Result<Elf<'_>, Error> {
    // By far most files, and reading them by their class alone takes less than asking at each field.
    if data.get(4) == Some(&1) {
        read_class(&ElfFile::<object::elf::FileHeader32<object::Endianness>>::parse(data)?)
    } else {
        read_class(&ElfFile::<object::elf::FileHeader64<object::Endianness>>::parse(data)?)
    }
}

fn read_class<'d, H: object::read::elf::FileHeader>(file: &ElfFile<'d, H>) -> Result<Elf<'d>, Error> {
    let loaded = loaded(file)?;
    let (mut sections, mut split) = (Sections::default(), Sections::default());
    sections.big = !file.is_little_endian();
    split.big = sections.big;
    for section in file.sections() {
        let name = section.name()?;
        let Some(debug) = name.strip_prefix(".debug_").or_else(|| name.strip_prefix(".zdebug_")) else {
            continue;
        };
        let (of, debug) = match debug.strip_suffix(".dwo") {
            Some(debug) => (&mut split, debug),
            None => (&mut sections, debug),
        };
        if of.by_name(debug).is_none_or(|place| !place.is_empty()) {
            // Not of use, or a second one of the same name, as some linkers leave them; the first has the units.
            continue;
        }
        let mut bytes = section.uncompressed_data()?;
        if file.kind() == ObjectKind::Relocatable {
            relocate::apply(file, &section, &loaded, &mut bytes)?;
        }
        if debug == "info" && matches!(bytes, Cow::Borrowed(_)) {
            of.info_offset = section.file_range().map(|(offset, _)| offset);
        }
        if let Some(place) = of.by_name(debug) {
            *place = bytes;
        }
    }
    Ok(Elf { sections, split, symbols: symbols(file, &loaded), loaded, machine: file.architecture() })
}

/// The sections that are loaded. Those of an object file are laid out one behind the other.
fn loaded<'d, H: object::read::elf::FileHeader>(file: &ElfFile<'d, H>) -> Result<Vec<Loaded<'d>>, Error> {
    let relocatable = file.kind() == ObjectKind::Relocatable;
    let (mut all, mut next) = (Vec::new(), 0x1000_u64);
    for section in file.sections() {
        let object::SectionFlags::Elf { sh_flags, .. } = section.flags() else { continue };
        if sh_flags.0 & object::elf::SHF_ALLOC.0 == 0 {
            continue;
        }
        let address = if relocatable { next } else { section.address() };
        let size = section.size();
        // A gap, so that the end of one is not the start of the next.
        next = next.saturating_add(size).saturating_add(0x1000) & !0xfff;
        all.push(Loaded { name: section.name()?, address, size, index: section.index() });
    }
    all.sort_by_key(|section| section.address);
    Ok(all)
}

fn symbols<'d, H: object::read::elf::FileHeader>(
    file: &ElfFile<'d, H>,
    loaded: &[Loaded<'d>],
) -> Vec<Symbol<'d>> {
    let relocatable = file.kind() == ObjectKind::Relocatable;
    let symbol = |symbol: object::read::elf::ElfSymbol<'d, '_, H>| {
        let section = symbol.section_index()?;
        if !matches!(symbol.kind(), SymbolKind::Text | SymbolKind::Data | SymbolKind::Tls) {
            return None;
        }
        let base = if relocatable { address_of(loaded, section)? } else { 0 };
        let name = symbol.name_bytes().ok().filter(|name| !name.is_empty())?;
        Some(Symbol {
            name,
            address: symbol.address().wrapping_add(base),
            size: symbol.size(),
            is_function: symbol.kind() == SymbolKind::Text,
        })
    };
    file.symbols().filter_map(symbol).collect()
}

/// The address that a section of an object file has been given.
pub(crate) fn address_of(loaded: &[Loaded<'_>], section: SectionIndex) -> Option<u64> {
    loaded.iter().find(|loaded| loaded.index == section).map(|loaded| loaded.address)
}

/// The bytes of a section, to be changed.
pub(crate) fn owned<'b>(bytes: &'b mut Cow<'_, [u8]>, offset: u64, len: u8) -> Option<&'b mut [u8]> {
    let start = usize::try_from(offset).ok()?;
    let end = start.checked_add(index(len))?;
    if end > bytes.len() { None } else { bytes.to_mut().get_mut(start..end) }
}
