//! ELF files: the debug sections as a debugger would see them, and the symbols.

use std::borrow::Cow;

use object::read::elf::ElfFile;
use object::{Object, ObjectKind, ObjectSection, ObjectSymbol, SectionIndex, SymbolKind};

use crate::error::Error;
use crate::hash::Map;
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
    /// Whether its sections have no addresses yet.
    pub(crate) is_relocatable: bool,
    pub(crate) is_64: bool,
}

impl Elf<'_> {
    /// Whether a linker leaves that address where it drops what was there: 0, or one of the last two.
    pub(crate) fn is_dropped(&self, address: u64) -> bool {
        let last = if self.is_64 { u64::MAX } else { u32::MAX.into() };
        !self.is_relocatable && (address == 0 || (last - 1..=last).contains(&address))
    }
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

impl<'d> Symbol<'d> {
    /// The name that the source has for it: link-time optimization adds `.llvm.` and a number to those that it makes
    /// known to other units.
    pub(crate) fn source_name(&self) -> &'d [u8] {
        const PROMOTED: &[u8] = b".llvm.";
        let digits = self.name.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let plain = self.name[..self.name.len() - digits].strip_suffix(PROMOTED);
        plain.filter(|plain| digits != 0 && !plain.is_empty()).unwrap_or(self.name)
    }
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
    let addresses = addresses(file, &loaded)?;
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
            // These are about split units, but are not called so.
            None if debug.ends_with("_index") => (&mut split, debug),
            None => (&mut sections, debug),
        };
        let Some(place) = of.by_name(debug) else { continue };
        // Object files have one section for each type unit. A linked file has one, or is none that a linker made.
        if !place.is_empty() && file.kind() != ObjectKind::Relocatable {
            continue;
        }
        check_compression(&section, debug)?;
        let mut bytes = section.uncompressed_data()?;
        if file.kind() == ObjectKind::Relocatable {
            relocate::apply(file, &section, &addresses, &mut bytes)?;
        }
        if !place.is_empty() {
            place.to_mut().extend_from_slice(&bytes);
            continue;
        }
        let is_as_in_file = debug == "info" && matches!(bytes, Cow::Borrowed(_));
        *place = bytes;
        if is_as_in_file {
            of.info_offset = section.file_range().map(|(offset, _)| offset);
        }
    }
    Ok(Elf {
        sections,
        split,
        symbols: symbols(file, &addresses),
        loaded,
        machine: file.architecture(),
        is_relocatable: file.kind() == ObjectKind::Relocatable,
        is_64: file.is_64(),
    })
}

/// Refuses sections that say to be far larger than what is compressed can be.
fn check_compression<'d, H: object::read::elf::FileHeader>(
    section: &object::read::elf::ElfSection<'d, '_, H>,
    name: &str,
) -> Result<(), Error> {
    let data = section.compressed_data()?;
    let len = u64::try_from(data.data.len()).unwrap_or(u64::MAX);
    let limit = len.saturating_mul(MAX_RATIO).saturating_add(1 << 16);
    if data.format != object::CompressionFormat::None && data.uncompressed_size > limit {
        return Err(Error::Compressed { section: name.to_owned(), found: data.uncompressed_size, limit });
    }
    Ok(())
}

/// What deflate reaches at most is 1 032; debug information comes to 4.
const MAX_RATIO: u64 = 1100;

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
    addresses: &Addresses,
) -> Vec<Symbol<'d>> {
    let relocatable = file.kind() == ObjectKind::Relocatable;
    let symbol = |symbol: object::read::elf::ElfSymbol<'d, '_, H>| {
        let section = symbol.section_index()?;
        if !matches!(symbol.kind(), SymbolKind::Text | SymbolKind::Data | SymbolKind::Tls) {
            return None;
        }
        let base = if relocatable { *addresses.get(&section)? } else { 0 };
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

/// Where the sections of an object file have been put: in memory, or, those of debug information, behind others of the
/// same name.
pub(crate) type Addresses = Map<SectionIndex, u64>;

fn addresses<'d, H: object::read::elf::FileHeader>(
    file: &ElfFile<'d, H>,
    loaded: &[Loaded<'d>],
) -> Result<Addresses, Error> {
    let mut addresses = Addresses::default();
    if file.kind() != ObjectKind::Relocatable {
        return Ok(addresses);
    }
    addresses.extend(loaded.iter().map(|section| (section.index, section.address)));
    let mut ends: Map<&str, u64> = Map::default();
    for section in file.sections() {
        let name = section.name()?;
        if name.starts_with(".debug_") || name.starts_with(".zdebug_") {
            let end = ends.entry(name).or_default();
            addresses.insert(section.index(), *end);
            *end = end.saturating_add(section.compressed_data()?.uncompressed_size);
        }
    }
    Ok(addresses)
}

/// The bytes of a section, to be changed.
pub(crate) fn owned<'b>(bytes: &'b mut Cow<'_, [u8]>, offset: u64, len: u8) -> Option<&'b mut [u8]> {
    let start = usize::try_from(offset).ok()?;
    let end = start.checked_add(index(len))?;
    if end > bytes.len() { None } else { bytes.to_mut().get_mut(start..end) }
}

#[cfg(test)]
mod tests {
    use super::Symbol;

    #[test]
    fn only_what_link_time_optimization_adds_is_cut() {
        for (name, expected) in [
            ("count.llvm.8495047622592160952", "count"),
            ("_ZN6kernel5COUNT17hE.llvm.1", "_ZN6kernel5COUNT17hE"),
            ("a.llvm.1.llvm.2", "a.llvm.1"),
            ("count", "count"),
            ("count.7", "count.7"),
            ("count.llvm.", "count.llvm."),
            (".llvm.7", ".llvm.7"),
            ("7", "7"),
        ] {
            let symbol = Symbol { name: name.as_bytes(), address: 0, size: 0, is_function: false };
            assert_eq!(symbol.source_name(), expected.as_bytes(), "{name}");
        }
    }
}
