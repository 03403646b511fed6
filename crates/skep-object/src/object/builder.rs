//! Makes objects piece by piece.

use std::collections::HashMap;

use skep_btf::{Btf, BtfExt};
use skep_insn::{Endian, RawInsn};

use super::{Contents, Object, Reloc, Section, SectionId, SectionKind, Symbol, SymbolId};
use crate::error::Error;

/// Makes an [`Object`] piece by piece: for assemblers and code generators.
///
/// Sections and symbols may be added in any order, and symbols before they are defined. The ids that this hands out
/// are its own: [`ObjectBuilder::finish`] puts local symbols first, as ELF demands, and renumbers.
///
/// ```
/// use skep_insn::{Endian, RawInsn};
/// use skep_object::object::{ObjectBuilder, SectionKind, Symbol};
///
/// let mut builder = ObjectBuilder::new("two.o", Endian::Little);
/// let text = builder.section(".text", SectionKind::Code);
/// builder.code(text).extend([RawInsn::new(0xb7, 0, 0, 0, 2), RawInsn::new(0x95, 0, 0, 0, 0)]);
/// builder.symbol(Symbol::func("two", text, 0, 16).global());
/// let object = builder.finish()?;
/// assert_eq!(object.funcs.len(), 1);
/// # Ok::<(), skep_object::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ObjectBuilder {
    object: Object,
    by_name: HashMap<String, SectionId>,
    section_symbols: HashMap<SectionId, SymbolId>,
}

impl ObjectBuilder {
    /// An empty object.
    #[must_use]
    pub fn new(name: impl Into<String>, endian: Endian) -> ObjectBuilder {
        let object = Object { name: name.into(), endian, ..Object::default() };
        ObjectBuilder { object, by_name: HashMap::new(), section_symbols: HashMap::new() }
    }

    /// The section of this name, which is added if there is none. It begins empty, aligned to 8 bytes if it is code
    /// or maps, else to 1.
    pub fn section(&mut self, name: &str, kind: SectionKind) -> SectionId {
        match self.by_name.get(name) {
            Some(&id) => id,
            None => self.new_section(name, kind),
        }
    }

    /// Adds a section, whether or not there is one of this name.
    pub fn new_section(&mut self, name: &str, kind: SectionKind) -> SectionId {
        let contents = match kind {
            SectionKind::Code => Contents::Code(Vec::new()),
            SectionKind::Bss => Contents::Zeros(0),
            _ => Contents::Bytes(Vec::new()),
        };
        let align = if matches!(kind, SectionKind::Code | SectionKind::Maps) { 8 } else { 1 };
        let id = SectionId(index(self.object.sections.len()));
        self.object.sections.push(Section {
            name: name.to_owned(),
            kind,
            align,
            contents,
            relocs: Vec::new(),
        });
        self.by_name.entry(name.to_owned()).or_insert(id);
        id
    }

    /// Says that a linker may keep parts of data sections; see [`Object::divisible`].
    pub fn divisible(&mut self) {
        self.object.divisible = true;
    }

    /// The object as far as it is made; its functions, maps, licence and version are not known yet.
    #[must_use]
    pub fn so_far(&self) -> &Object {
        &self.object
    }

    /// A section, to be changed.
    ///
    /// # Panics
    /// If the id is not from this builder.
    pub fn section_mut(&mut self, id: SectionId) -> &mut Section {
        &mut self.object.sections[id.0 as usize]
    }

    /// The slots of a code section, to be extended.
    ///
    /// # Panics
    /// If the id is not from this builder, or the section is no code.
    pub fn code(&mut self, id: SectionId) -> &mut Vec<RawInsn> {
        match &mut self.section_mut(id).contents {
            Contents::Code(slots) => slots,
            _ => panic!("not a code section"),
        }
    }

    /// The bytes of a data section, to be extended; of a section of zeros they are made.
    ///
    /// # Panics
    /// If the id is not from this builder, or the section is code or `.bss`.
    pub fn bytes(&mut self, id: SectionId) -> &mut Vec<u8> {
        match &mut self.section_mut(id).contents {
            Contents::Bytes(bytes) => bytes,
            _ => panic!("not a section of bytes"),
        }
    }

    /// Raises the alignment of a section; a power of two.
    pub fn align(&mut self, id: SectionId, align: u64) {
        let section = self.section_mut(id);
        section.align = section.align.max(align);
    }

    /// Length of a section in bytes.
    #[must_use]
    pub fn len(&self, id: SectionId) -> u64 {
        self.object.section(id).contents.len()
    }

    /// Adds a symbol.
    pub fn symbol(&mut self, symbol: Symbol) -> SymbolId {
        let id = SymbolId(index(self.object.symbols.len()));
        self.object.symbols.push(symbol);
        id
    }

    /// A symbol, to be changed: defined, or made global.
    ///
    /// # Panics
    /// If the id is not from this builder.
    pub fn symbol_mut(&mut self, id: SymbolId) -> &mut Symbol {
        &mut self.object.symbols[id.0 as usize]
    }

    /// The symbol of a section as a whole, which is added if there is none. `section + offset` is how things without
    /// a global name are referred to.
    pub fn section_symbol(&mut self, section: SectionId) -> SymbolId {
        if let Some(&id) = self.section_symbols.get(&section) {
            return id;
        }
        let name = self.object.section(section).name.clone();
        let id = self.symbol(Symbol::section(name, section));
        self.section_symbols.insert(section, id);
        id
    }

    /// Adds a relocation. The place that it patches must hold nothing: `call` with src 1 and imm -1, `ld_imm64` with
    /// src 0 and value 0, zeros in data.
    pub fn reloc(&mut self, section: SectionId, reloc: Reloc) {
        self.section_mut(section).relocs.push(reloc);
    }

    /// Sets the types.
    pub fn btf(&mut self, btf: Btf) {
        self.object.btf = Some(btf);
    }

    /// Sets the records of functions, lines and CO-RE relocations.
    pub fn btf_ext(&mut self, ext: BtfExt) {
        self.object.btf_ext = Some(ext);
    }

    /// The finished object: see [`Object::index`].
    ///
    /// # Errors
    /// If what was added is inconsistent: a relocation that patches no instruction of its kind, functions that
    /// overlap, map definitions that cannot be read.
    pub fn finish(mut self) -> Result<Object, Error> {
        self.object.index()?;
        Ok(self.object)
    }
}

/// An index: sections and symbols stay far below 2^32, since each takes more than a byte of memory.
fn index(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
