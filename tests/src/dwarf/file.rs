//! The sections of an ELF file and of those that it refers to.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use gimli::{EndianSlice, RunTimeEndian, SectionId};
use object::{Object, ObjectSection, ObjectSymbol, RelocationTarget};

use super::Error;

/// A slice of a section.
pub type Bytes<'a> = EndianSlice<'a, RunTimeEndian>;

/// Where files that a file refers to are looked for.
#[derive(Debug, Clone, Copy)]
pub enum Beside<'a> {
    /// It stands for itself.
    Nothing,
    /// In this folder, if a name is not absolute.
    Folder(&'a Path),
}

/// The file that has shared entries, if there is one, and those that units were split into.
pub type Others = (Option<Vec<u8>>, Vec<Vec<u8>>);

/// The file that has the shared entries of this one, and those that its units were split into.
///
/// # Errors
///
/// If one of them is not there.
pub fn others(bytes: &[u8], beside: Beside<'_>) -> Result<Others, Error> {
    let file = File::new(bytes)?;
    let near = |name: &str| match beside {
        Beside::Nothing => Err(Error::Wrong(format!("refers to {name}"))),
        Beside::Folder(folder) => std::fs::read(folder.join(name))
            .map_err(|error| Error::Wrong(format!("refers to {name}: {error}"))),
    };
    let alternate = file.alternate.as_deref().map(near).transpose()?;
    let dwarf = file.dwarf();
    let mut names = BTreeSet::new();
    let mut units = dwarf.units();
    while let Some(header) = units.next()? {
        let unit = dwarf.unit(header)?;
        if let (Some(_), Some(name)) = (unit.dwo_id, unit.dwo_name()?) {
            names.insert(dwarf.attr_string(&unit, name)?.to_string_lossy().into_owned());
        }
    }
    let split = names.iter().map(|name| near(name)).collect::<Result<Vec<_>, _>>()?;
    Ok((alternate, split))
}

/// One file, its debug sections unpacked and relocated.
pub struct File<'a> {
    sections: HashMap<&'static str, Cow<'a, [u8]>>,
    split: HashMap<&'static str, Cow<'a, [u8]>>,
    /// Which section of the program is meant where an address is written: debug section and offset in it.
    pub targets: HashMap<(&'static str, u64), usize>,
    /// The sections of the program: name, address, size.
    pub program: Vec<Place>,
    /// The byte order.
    pub endian: RunTimeEndian,
    /// Whether addresses in it are relative to sections.
    pub relocatable: bool,
    /// Symbols that name functions or data: their addresses and sizes.
    pub symbols: HashMap<String, Vec<(u64, u64)>>,
    /// The file that has the shared entries, if `dwz` has made one.
    pub alternate: Option<String>,
}

/// A section of the program.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// Where it starts.
    pub address: u64,
    /// In bytes.
    pub size: u64,
    /// Whether it is in memory when the program runs.
    pub alive: bool,
}

const SECTIONS: [SectionId; 16] = [
    SectionId::DebugAbbrev,
    SectionId::DebugAddr,
    SectionId::DebugAranges,
    SectionId::DebugInfo,
    SectionId::DebugLine,
    SectionId::DebugLineStr,
    SectionId::DebugLoc,
    SectionId::DebugLocLists,
    SectionId::DebugRanges,
    SectionId::DebugRngLists,
    SectionId::DebugStr,
    SectionId::DebugStrOffsets,
    SectionId::DebugTypes,
    SectionId::DebugMacinfo,
    SectionId::DebugMacro,
    SectionId::DebugCuIndex,
];

impl<'a> File<'a> {
    /// Reads the sections.
    ///
    /// # Errors
    ///
    /// If this is no ELF file, or a section cannot be unpacked.
    pub fn new(bytes: &'a [u8]) -> Result<File<'a>, Error> {
        let elf = object::File::parse(bytes)?;
        let mut file = File {
            sections: HashMap::new(),
            split: HashMap::new(),
            targets: HashMap::new(),
            program: Vec::new(),
            endian: if elf.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big },
            relocatable: elf.kind() == object::ObjectKind::Relocatable,
            symbols: HashMap::new(),
            alternate: elf.gnu_debugaltlink()?.map(|(name, _)| String::from_utf8_lossy(name).into_owned()),
        };
        for section in elf.sections() {
            let place = Place {
                name: section.name().unwrap_or_default().to_owned(),
                address: section.address(),
                size: section.size(),
                alive: matches!(section.flags(), object::SectionFlags::Elf { sh_flags, .. } if sh_flags.0 & 2 != 0),
            };
            file.program.push(place);
        }
        for symbol in elf.symbols() {
            if matches!(symbol.kind(), object::SymbolKind::Text | object::SymbolKind::Data)
                && symbol.is_definition()
            {
                let name = symbol.name().unwrap_or_default().to_owned();
                file.symbols.entry(name).or_default().push((symbol.address(), symbol.size()));
            }
        }
        for id in SECTIONS {
            if let Some(section) = elf.section_by_name(id.name()) {
                let data = file.relocated(&elf, &section, id.name())?;
                file.sections.insert(id.name(), data);
            }
            if let Some((name, section)) =
                id.dwo_name().and_then(|name| Some((name, elf.section_by_name(name)?)))
            {
                file.split.insert(name, section.uncompressed_data()?);
            }
        }
        Ok(file)
    }

    fn relocated(
        &mut self,
        elf: &object::File<'a>,
        section: &object::Section<'a, '_>,
        name: &'static str,
    ) -> Result<Cow<'a, [u8]>, Error> {
        let mut data = section.uncompressed_data()?;
        if !self.relocatable {
            return Ok(data);
        }
        for (offset, relocation) in section.relocations() {
            let size = match relocation.size() {
                0 => continue, // R_*_NONE
                bits => usize::from(bits / 8),
            };
            let RelocationTarget::Symbol(symbol) = relocation.target() else { continue };
            let symbol = elf.symbol_by_index(symbol)?;
            if let Some(section) = symbol.section_index() {
                // Indices of sections count from 1 in ELF, and `program` has no entry for the first.
                let index = elf.sections().position(|other| other.index() == section);
                self.targets.insert((name, offset), index.unwrap_or(usize::MAX));
            }
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            let Some(place) = data.to_mut().get_mut(start..start.saturating_add(size)) else {
                return Err(Error::Wrong(format!("a relocation of {name} at {offset:#x} is outside of it")));
            };
            let mut bytes = [0; 8];
            bytes[..size].copy_from_slice(place);
            let there = match self.endian {
                RunTimeEndian::Little => u64::from_le_bytes(bytes),
                RunTimeEndian::Big => u64::from_be_bytes(bytes) >> (64 - 8 * size),
            };
            let implicit = if relocation.has_implicit_addend() { there } else { 0 };
            let value = symbol.address().wrapping_add(implicit).wrapping_add_signed(relocation.addend());
            match self.endian {
                RunTimeEndian::Little => place.copy_from_slice(&value.to_le_bytes()[..size]),
                RunTimeEndian::Big => place.copy_from_slice(&value.to_be_bytes()[8 - size..]),
            }
        }
        Ok(data)
    }

    /// Its DWARF.
    #[must_use]
    pub fn dwarf(&self) -> gimli::Dwarf<Bytes<'_>> {
        let load = |id: SectionId| Ok::<_, gimli::Error>(self.section(self.sections.get(id.name())));
        gimli::Dwarf::load(load).unwrap_or_else(|_| unreachable!("loading a section does not fail"))
    }

    /// The DWARF that has been split from another file into this one.
    #[must_use]
    pub fn split(&self) -> gimli::Dwarf<Bytes<'_>> {
        let load = |id: SectionId| {
            let section = id.dwo_name().and_then(|name| self.split.get(name));
            Ok::<_, gimli::Error>(self.section(section))
        };
        let mut dwarf = gimli::Dwarf::load(load).unwrap_or_else(|_: gimli::Error| unreachable!());
        dwarf.file_type = gimli::DwarfFileType::Dwo;
        dwarf
    }

    fn section<'b>(&'b self, data: Option<&'b Cow<'a, [u8]>>) -> Bytes<'b> {
        EndianSlice::new(data.map_or(&[], |data| data), self.endian)
    }

    /// The section of the program that an address lies in.
    #[must_use]
    pub fn place(&self, address: u64) -> Option<&Place> {
        let holds =
            |place: &&Place| place.alive && (place.address..place.address + place.size).contains(&address);
        self.program.iter().find(holds)
    }
}
