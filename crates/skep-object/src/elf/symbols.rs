//! The symbol table.

use super::header::{File, Header, NameBudget, Strings};
use super::raw::{
    Bytes, SHN_ABS, SHN_COMMON, SHN_LORESERVE, SHN_UNDEF, SHN_XINDEX, SHT_STRTAB, SHT_SYMTAB_SHNDX,
    STB_GLOBAL, STB_LOCAL, STB_WEAK, STT_COMMON, STT_FILE, STT_FUNC, STT_NOTYPE, STT_OBJECT, STT_SECTION,
    STV_HIDDEN, STV_INTERNAL, SYM_SIZE,
};
use super::sections::{Kept, Role};
use crate::error::{Error, SymbolRef};
use crate::object::{Binding, Object, Place, Symbol, SymbolId, SymbolKind};

/// The symbols of the file.
pub(super) struct Symbols<'a> {
    /// By index in the file; the null symbol is the first.
    entries: Vec<Entry<'a>>,
}

/// A symbol of the file, as much as relocations need.
pub(super) struct Entry<'a> {
    pub(super) name: &'a str,
    pub(super) value: u64,
    pub(super) size: u64,
    pub(super) fate: Fate,
}

/// What became of a symbol of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is part of the object.
    Kept(SymbolId),
    /// It names a section that is not, by its index.
    Ignored(u32),
    /// It names a source file, or is the null symbol.
    Nothing,
}

impl<'a> Symbols<'a> {
    pub(super) fn get(&self, index: u32) -> Option<&Entry<'a>> {
        self.entries.get(index as usize)
    }

    /// The index of the last symbol.
    pub(super) fn last(&self) -> u64 {
        (self.entries.len() as u64).saturating_sub(1)
    }

    pub(super) fn reference(&self, index: u32) -> SymbolRef {
        let name = self.get(index).map_or("", |entry| entry.name).to_owned();
        SymbolRef { index: index.into(), name }
    }
}

/// Copies the symbols that a program can refer to.
pub(super) fn read<'a>(file: &File<'a>, kept: &Kept, object: &mut Object) -> Result<Symbols<'a>, Error> {
    let mut symbols = Symbols { entries: Vec::new() };
    let Some(header) = kept.symtab.and_then(|index| file.header(index)) else { return Ok(symbols) };
    header.check_table(SYM_SIZE)?;
    let table = Table {
        file,
        kept,
        bytes: file.contents(header),
        names: Strings { bytes: string_table(file, header)? },
        more_indices: more_indices(file, header)?,
    };
    // As many as the section has bytes for, so the count is as trustworthy as the file is long.
    let count = u32::try_from(header.size / SYM_SIZE).unwrap_or(u32::MAX);
    for index in 0..count {
        let (entry, symbol) = table.symbol(index, &file.budget)?;
        let fate = match symbol {
            Some(mut symbol) => {
                if let (SymbolKind::Section, Place::Section(id)) = (symbol.kind, symbol.place) {
                    symbol.name.clone_from(&object.section(id).name);
                    if !file.budget.take(symbol.name.len() as u64) {
                        let (of, what) = (format!("symbol {index}"), NameBudget::EXCEEDED.to_owned());
                        return Err(Error::Name { of, what });
                    }
                }
                let id = SymbolId(u32::try_from(object.symbols.len()).unwrap_or(u32::MAX));
                object.symbols.push(symbol);
                Fate::Kept(id)
            }
            None => entry.fate,
        };
        symbols.entries.push(Entry { fate, ..entry });
    }
    Ok(symbols)
}

fn string_table<'a>(file: &File<'a>, header: &Header<'a>) -> Result<&'a [u8], Error> {
    match file.header(header.link) {
        Some(strings) if strings.ty == SHT_STRTAB => Ok(strings.contents),
        _ => Err(header.fault("sh_link", header.link, "the index of a string table")),
    }
}

/// The section that holds the section indices that take more than 16 bits.
fn more_indices<'a>(file: &File<'a>, symtab: &Header<'a>) -> Result<Option<Bytes<'a>>, Error> {
    let is_it = |header: &&Header<'a>| header.ty == SHT_SYMTAB_SHNDX && header.link == symtab.index;
    let Some(header) = file.headers.iter().find(is_it) else { return Ok(None) };
    header.check_table(4)?;
    Ok(Some(file.contents(header)))
}

struct Table<'f, 'a> {
    file: &'f File<'a>,
    kept: &'f Kept,
    bytes: Bytes<'a>,
    names: Strings<'a>,
    more_indices: Option<Bytes<'a>>,
}

impl<'a> Table<'_, 'a> {
    /// The symbol of the file, and that of the object unless it is dropped.
    fn symbol(&self, index: u32, budget: &NameBudget) -> Result<(Entry<'a>, Option<Symbol>), Error> {
        let raw = Bytes { bytes: &[], endian: self.bytes.endian };
        let raw = self.bytes.part(u64::from(index) * SYM_SIZE, SYM_SIZE).unwrap_or(raw);
        let byte = |at: usize| raw.bytes.get(at).copied().unwrap_or_default();
        let (info, other) = (byte(4), byte(5));
        let section = raw.u16(6).unwrap_or_default();
        let (value, size) = (raw.u64(8).unwrap_or_default(), raw.u64(16).unwrap_or_default());
        let name = self.names.get(raw.u32(0).unwrap_or_default(), budget);
        let name = name.map_err(|what| Error::Name { of: format!("symbol {index}"), what })?;

        let fault =
            |what| Error::Symbol { symbol: SymbolRef { index: index.into(), name: name.to_owned() }, what };
        let entry = |fate| Entry { name, value, size, fate };
        let ty = info & 15;
        if index == 0 || ty == STT_FILE {
            return Ok((entry(Fate::Nothing), None));
        }
        if section == SHN_COMMON || ty == STT_COMMON {
            return Err(Error::Common {
                symbol: SymbolRef { index: index.into(), name: name.to_owned() },
                size,
            });
        }
        let kind = match ty {
            STT_NOTYPE => SymbolKind::NoType,
            STT_OBJECT => SymbolKind::Object,
            STT_FUNC => SymbolKind::Func,
            STT_SECTION => SymbolKind::Section,
            6 => return Err(fault("is thread-local, BPF has no threads: remove __thread".to_owned())),
            10 => {
                return Err(fault(
                    "is an indirect function (ifunc), expected one that is called directly".to_owned(),
                ));
            }
            ty => return Err(fault(format!("has the unknown type {ty}, expected 0 to 4"))),
        };
        let binding = match info >> 4 {
            STB_LOCAL => Binding::Local,
            STB_GLOBAL => Binding::Global,
            STB_WEAK => Binding::Weak,
            bind => return Err(fault(format!("has the unknown binding {bind}, expected 0 to 2"))),
        };
        let hidden = matches!(other & 3, STV_HIDDEN | STV_INTERNAL);
        let place = match section {
            SHN_UNDEF if kind == SymbolKind::Section => {
                return Err(fault("stands for a section, and names none".to_owned()));
            }
            SHN_UNDEF => Place::Undefined,
            SHN_ABS => Place::Absolute,
            section => {
                let section = self.section_index(index, section).map_err(fault)?;
                match self.kept.role(section) {
                    Role::Program(id) => Place::Section(id),
                    _ => return Ok((entry(Fate::Ignored(section)), None)),
                }
            }
        };
        let symbol = Symbol { name: name.to_owned(), place, value, size, kind, binding, hidden };
        Ok((entry(Fate::Nothing), Some(symbol)))
    }

    /// The index of the section that a symbol lies in.
    fn section_index(&self, symbol: u32, section: u16) -> Result<u32, String> {
        let index = match section {
            SHN_XINDEX => {
                let table = self.more_indices.ok_or(
                    "has a section index of more than 16 bits, but there is no section SHT_SYMTAB_SHNDX",
                )?;
                let index = table.u32(u64::from(symbol) * 4);
                index
                    .ok_or("has a section index of more than 16 bits, but SHT_SYMTAB_SHNDX ends before it")?
            }
            SHN_LORESERVE.. => return Err(format!("has the reserved section index {section:#x}")),
            section => section.into(),
        };
        match self.file.header(index) {
            Some(_) => Ok(index),
            None => Err(format!(
                "lies in section {index}, expected 0 to {}",
                self.file.headers.len().saturating_sub(1)
            )),
        }
    }
}
