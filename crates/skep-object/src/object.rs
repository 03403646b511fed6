//! A relocatable object.
//!
//! Code stands here as slots, whatever the byte order of the file. Relocations carry their addend: what the two
//! dialects of BPF objects hide in the patched place has been taken out, and the place itself holds nothing.

mod builder;
mod funcs;
mod index;
mod maps;
mod named;

use std::ops::Range;

use skep_btf::{Btf, BtfExt, Lines};
use skep_insn::{Endian, RawInsn};

use crate::error::Error;
use crate::map::MapDef;

pub use builder::ObjectBuilder;
pub(crate) use index::{EMPTY_CALL, is_program_name};
pub use named::{Named, Pending};

/// Index of a section in [`Object::sections`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SectionId(pub u32);

/// Index of a symbol in [`Object::symbols`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SymbolId(pub u32);

/// A relocatable unit: what one compilation made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object {
    /// What messages call it: its file name, or what the host named it.
    pub name: String,
    /// Byte order of its data, and of the file it came from.
    pub endian: Endian,
    /// All sections that a BPF program consists of, in file order; debug sections and tables are not among them.
    pub sections: Vec<Section>,
    /// All symbols in file order, local ones first; but not ELF's null symbol, names of source files, and symbols of
    /// sections that are not among [`Object::sections`].
    pub symbols: Vec<Symbol>,
    /// All functions, ordered by section and offset.
    pub funcs: Vec<Func>,
    /// All map definitions, ordered by section and offset.
    pub maps: Vec<Map>,
    /// Contents of the `license` section.
    pub license: Option<String>,
    /// Contents of the `version` section.
    pub version: Option<u32>,
    /// Types.
    pub btf: Option<Btf>,
    /// Records of functions, lines and CO-RE relocations by section.
    pub btf_ext: Option<BtfExt>,
    /// Whether a linker may keep a part of a data section. Then whoever refers to data through the symbol of its section
    /// means the variable in which the place lies: so it is in what LLVM makes, whereas GCC and writers of assembly
    /// may mean the end of the one before.
    pub divisible: bool,
    /// What was read but is not used, each with the reason.
    pub remarks: Vec<String>,
}

/// A section of code or data.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// Its name, `xdp` or `.rodata.str1.1`.
    pub name: String,
    /// What it holds.
    pub kind: SectionKind,
    /// Alignment in bytes, a power of two.
    pub align: u64,
    /// Its contents.
    pub contents: Contents,
    /// What is to be patched in it, ordered by offset.
    pub relocs: Vec<Reloc>,
}

/// What a section holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SectionKind {
    /// Functions.
    Code,
    /// Data that programs write.
    Data,
    /// Constants.
    Rodata,
    /// Data that begins as zeros.
    Bss,
    /// Map definitions, of BTF (`.maps`) or legacy (`maps`).
    Maps,
    /// The licence or the kernel version.
    Note,
    /// Anything else that is kept: `.struct_ops`, `.addr_space.1`, `.jumptables`.
    Other,
}

impl SectionKind {
    /// What a section is, by its name where that has a meaning, else by what it holds and whether programs write it.
    #[must_use]
    pub fn of(name: &str, contents: &Contents, writable: bool) -> SectionKind {
        let is = |prefix: &str| {
            name == prefix || name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(['.', '/']))
        };
        match contents {
            Contents::Code(_) => SectionKind::Code,
            _ if name == "license" || name == "version" => SectionKind::Note,
            _ if is(".maps") || is("maps") => SectionKind::Maps,
            _ if is(".struct_ops") || is("?.struct_ops") => SectionKind::Other,
            _ if is(".addr_space") || is(".jumptables") => SectionKind::Other,
            _ if is(".init_array") || is(".fini_array") || is(".preinit_array") => SectionKind::Other,
            Contents::Zeros(_) => SectionKind::Bss,
            Contents::Bytes(_) if is(".rodata") => SectionKind::Rodata,
            Contents::Bytes(_) if is(".data") || is(".bss") || writable => SectionKind::Data,
            Contents::Bytes(_) => SectionKind::Rodata,
        }
    }
}

/// Contents of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contents {
    /// Code, in slots.
    Code(Vec<RawInsn>),
    /// Bytes, in the byte order of the object.
    Bytes(Vec<u8>),
    /// This many zero bytes.
    Zeros(u64),
}

impl Contents {
    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Contents::Code(slots) => slots.len() as u64 * 8,
            Contents::Bytes(bytes) => bytes.len() as u64,
            Contents::Zeros(len) => *len,
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Where a symbol is defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Elsewhere: it must be found by name.
    Undefined,
    /// Nowhere: its value is a number.
    Absolute,
    /// In a section; its value is an offset in bytes.
    Section(SectionId),
}

/// A symbol, as in ELF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Its name; of a section symbol the section's.
    pub name: String,
    /// Where it is defined.
    pub place: Place,
    /// Offset in bytes in its section, or a number.
    pub value: u64,
    /// Size in bytes; 0 if unknown.
    pub size: u64,
    /// What it names.
    pub kind: SymbolKind,
    /// Who sees it.
    pub binding: Binding,
    /// `STV_HIDDEN`: not seen outside the linked program.
    pub hidden: bool,
}

/// What a symbol names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SymbolKind {
    /// Unknown: undefined symbols, labels.
    NoType,
    /// Data.
    Object,
    /// A function.
    Func,
    /// A section as a whole.
    Section,
}

impl Symbol {
    /// A function of `size` bytes, local.
    #[must_use]
    pub fn func(name: impl Into<String>, section: SectionId, offset: u64, size: u64) -> Symbol {
        Symbol::defined(name, SymbolKind::Func, section, offset, size)
    }

    /// A variable of `size` bytes, local.
    #[must_use]
    pub fn object(name: impl Into<String>, section: SectionId, offset: u64, size: u64) -> Symbol {
        Symbol::defined(name, SymbolKind::Object, section, offset, size)
    }

    /// A section as a whole.
    #[must_use]
    pub fn section(name: impl Into<String>, section: SectionId) -> Symbol {
        Symbol::defined(name, SymbolKind::Section, section, 0, 0)
    }

    /// A symbol that another object defines, global.
    #[must_use]
    pub fn undefined(name: impl Into<String>) -> Symbol {
        let place = Place::Undefined;
        Symbol { place, ..Symbol::defined(name, SymbolKind::NoType, SectionId(0), 0, 0) }.global()
    }

    /// The same symbol, seen by everybody.
    #[must_use]
    pub fn global(self) -> Symbol {
        Symbol { binding: Binding::Global, ..self }
    }

    /// The same symbol, seen by everybody, giving way to a global one.
    #[must_use]
    pub fn weak(self) -> Symbol {
        Symbol { binding: Binding::Weak, ..self }
    }

    fn defined(
        name: impl Into<String>,
        kind: SymbolKind,
        section: SectionId,
        value: u64,
        size: u64,
    ) -> Symbol {
        let place = Place::Section(section);
        Symbol { name: name.into(), place, value, size, kind, binding: Binding::Local, hidden: false }
    }

    /// Whether it names this section as a whole.
    #[must_use]
    pub fn is_section(&self, section: SectionId) -> bool {
        self.kind == SymbolKind::Section && self.place == Place::Section(section)
    }
}

/// Who sees a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// Its object alone.
    Local,
    /// Everybody; one definition.
    Global,
    /// Everybody; gives way to a global definition, and may be missing.
    Weak,
}

/// A place to be patched. The target is `symbol + addend`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reloc {
    /// Where, in bytes from the start of the section; of an instruction, its first slot.
    pub offset: u64,
    /// What is written there.
    pub kind: RelocKind,
    /// What it refers to.
    pub symbol: SymbolId,
    /// Bytes beyond the symbol.
    pub addend: i64,
}

/// What a relocation writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelocKind {
    /// `R_BPF_64_64`: an address, a map or a function in `ld_imm64`.
    LoadImm64,
    /// `R_BPF_64_32`: the target of a call.
    Call,
    /// `R_BPF_64_ABS64`: a 64-bit address in data.
    Abs64,
    /// `R_BPF_64_ABS32`: a 32-bit address in data.
    Abs32,
}

impl RelocKind {
    /// Its name in the psABI.
    #[must_use]
    pub const fn spec_name(self) -> &'static str {
        match self {
            RelocKind::LoadImm64 => "R_BPF_64_64",
            RelocKind::Call => "R_BPF_64_32",
            RelocKind::Abs64 => "R_BPF_64_ABS64",
            RelocKind::Abs32 => "R_BPF_64_ABS32",
        }
    }

    /// Its number in the psABI.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            RelocKind::LoadImm64 => 1,
            RelocKind::Call => 10,
            RelocKind::Abs64 => 2,
            RelocKind::Abs32 => 3,
        }
    }

    /// How many bytes it patches, counted from its offset: of an instruction, all.
    #[must_use]
    pub const fn size(self) -> u64 {
        match self {
            RelocKind::LoadImm64 => 16,
            RelocKind::Call | RelocKind::Abs64 => 8,
            RelocKind::Abs32 => 4,
        }
    }
}

/// A function. Its identity is its section and offset; names may repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Func {
    /// The symbol that names it; of several at one place a global one.
    pub symbol: SymbolId,
    /// The code section it lies in.
    pub section: SectionId,
    /// Where it starts, in slots from the start of the section.
    pub start: u32,
    /// Its length in slots.
    pub len: u32,
}

/// A map definition and the symbol that names it.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    /// The symbol that names it.
    pub symbol: SymbolId,
    /// The section it lies in.
    pub section: SectionId,
    /// Where it lies, in bytes from the start of the section.
    pub offset: u64,
    /// What it is.
    pub def: MapDef,
    /// Initial values: slot in the outer map (or program array), and what stands there.
    pub values: Vec<(u32, SymbolId)>,
}

impl Object {
    /// Brings the object into its normal form and derives functions, maps, licence and version from sections, symbols
    /// and relocations. The ELF reader and [`ObjectBuilder`] have done it already.
    ///
    /// Local symbols come first, and ids of symbols change accordingly; relocations are ordered by offset. Code that
    /// no function covers becomes a local function named like its section.
    ///
    /// # Errors
    /// If sections, symbols, relocations, functions or map definitions contradict each other.
    pub fn index(&mut self) -> Result<(), Error> {
        index::index(self)
    }

    /// The section with this index.
    ///
    /// # Panics
    /// If the index is from another object.
    #[must_use]
    pub fn section(&self, id: SectionId) -> &Section {
        &self.sections[id.0 as usize]
    }

    /// The symbol with this index.
    ///
    /// # Panics
    /// If the index is from another object.
    #[must_use]
    pub fn symbol_by_id(&self, id: SymbolId) -> &Symbol {
        &self.symbols[id.0 as usize]
    }

    /// The first section of this name.
    #[must_use]
    pub fn section_by_name(&self, name: &str) -> Option<(SectionId, &Section)> {
        (0..).map(SectionId).zip(&self.sections).find(|(_, section)| section.name == name)
    }

    /// The function that holds slot `slot` of `section`.
    #[must_use]
    pub fn func_at(&self, section: SectionId, slot: u32) -> Option<&Func> {
        let after = self.funcs.partition_point(|f| (f.section, f.start) <= (section, slot));
        let func = &self.funcs[after.checked_sub(1)?];
        (func.section == section && slot - func.start < func.len).then_some(func)
    }

    /// The functions of a section, ordered by offset.
    #[must_use]
    pub fn funcs_in(&self, section: SectionId) -> &[Func] {
        let from = self.funcs.partition_point(|func| func.section < section);
        let to = self.funcs.partition_point(|func| func.section <= section);
        &self.funcs[from..to]
    }

    /// The maps of a section, ordered by offset.
    #[must_use]
    pub fn maps_in(&self, section: SectionId) -> &[Map] {
        let from = self.maps.partition_point(|map| map.section < section);
        let to = self.maps.partition_point(|map| map.section <= section);
        &self.maps[from..to]
    }

    /// The code of a function.
    #[must_use]
    pub fn code(&self, func: &Func) -> &[RawInsn] {
        match &self.section(func.section).contents {
            Contents::Code(slots) => &slots[func.start as usize..(func.start + func.len) as usize],
            _ => &[],
        }
    }

    /// The symbol of this name that other objects can mean: a definition before an undefined one, and one that is
    /// not local before one that is.
    #[must_use]
    pub fn symbol_by_name(&self, name: &str) -> Option<(SymbolId, &Symbol)> {
        let named = (0..).map(SymbolId).zip(&self.symbols).filter(|(_, symbol)| symbol.name == name);
        named
            .filter(|(_, symbol)| symbol.kind != SymbolKind::Section)
            .min_by_key(|(_, symbol)| (symbol.place == Place::Undefined, symbol.binding == Binding::Local))
    }

    /// The function that this symbol names, also as one of several names.
    #[must_use]
    pub fn func_of(&self, id: SymbolId) -> Option<&Func> {
        let symbol = self.symbol_by_id(id);
        let Place::Section(section) = symbol.place else { return None };
        let slot = u32::try_from(symbol.value / 8).ok()?;
        self.func_at(section, slot).filter(|func| func.start == slot && symbol.value.is_multiple_of(8))
    }

    /// The map whose definition begins at `offset` in `section`.
    #[must_use]
    pub fn map_at(&self, section: SectionId, offset: u64) -> Option<&Map> {
        let at = self.maps.binary_search_by_key(&(section, offset), |map| (map.section, map.offset)).ok()?;
        Some(&self.maps[at])
    }

    /// The relocations whose offsets lie in a range of bytes of a section.
    #[must_use]
    pub fn relocs_in(&self, section: SectionId, range: Range<u64>) -> &[Reloc] {
        let relocs = &self.section(section).relocs;
        let from = relocs.partition_point(|reloc| reloc.offset < range.start);
        let to = relocs.partition_point(|reloc| reloc.offset < range.end);
        relocs.get(from..to).unwrap_or_default()
    }

    /// The source lines of a code section, to be looked up by offset; `None` without type information.
    #[must_use]
    pub fn lines(&self, section: SectionId) -> Option<Lines<'_>> {
        Some(self.btf_ext.as_ref()?.lines_of(self.btf.as_ref()?, &self.section(section).name))
    }

    /// The relocations of a function; their offsets count from the start of its section.
    #[must_use]
    pub fn relocs_of(&self, func: &Func) -> &[Reloc] {
        self.relocs_in(func.section, func.offset()..func.offset() + u64::from(func.len) * 8)
    }
}

impl Func {
    /// Where it starts, in bytes from the start of the section.
    #[must_use]
    pub fn offset(&self) -> u64 {
        u64::from(self.start) * 8
    }
}

/// Whether a slot is the first of the two that `ld_imm64` takes.
pub(crate) fn is_ld_imm64(insn: RawInsn) -> bool {
    insn.code == 0x18
}
