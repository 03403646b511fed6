//! A relocatable object.
//!
//! Code stands here as slots, whatever the byte order of the file. Relocations carry their addend: what the two
//! dialects of BPF objects hide in the patched place has been taken out, and the place itself holds nothing.

use skep_btf::{Btf, BtfExt};
use skep_insn::{Endian, RawInsn};

use crate::map::MapDef;

/// Index of a section in [`Object::sections`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
    /// All symbols but ELF's null symbol, in file order.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    pub fn symbol(&self, id: SymbolId) -> &Symbol {
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

    /// The code of a function.
    #[must_use]
    pub fn code(&self, func: &Func) -> &[RawInsn] {
        match &self.section(func.section).contents {
            Contents::Code(slots) => &slots[func.start as usize..(func.start + func.len) as usize],
            _ => &[],
        }
    }
}
