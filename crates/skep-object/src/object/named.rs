//! What a symbol names, as bytes: code that is handed to `bpf(2)` without a link.

use std::fmt;

use skep_insn::RawInsn;

use super::{Contents, Object, Place, Reloc, RelocKind, Symbol, SymbolId};
use crate::error::Error;

/// What a symbol names, found by [`Object::symbol`].
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    object: &'a Object,
    symbol: &'a Symbol,
    section: super::SectionId,
}

/// A relocation that is still to be applied to what a symbol names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Where, in bytes from the start of what the symbol names.
    pub offset: u64,
    /// What it writes.
    pub kind: RelocKind,
    /// The symbol it refers to.
    pub symbol: String,
    /// Bytes beyond that symbol.
    pub addend: i64,
}

impl fmt::Display for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to '{}'", self.kind.spec_name(), self.symbol)?;
        if self.addend != 0 {
            write!(f, "{:+#x}", self.addend)?;
        }
        write!(f, " at +{:#x}", self.offset)
    }
}

impl Object {
    /// What the symbol of this name names: a function's code, a variable's contents, a map's definition. `None` if
    /// there is no such symbol, or it is not defined here.
    ///
    /// ```
    /// let object = skep_object::asm::assemble("two.s", ".globl two\ntwo:\n r0 = 2\n exit")?;
    /// let two = object.symbol("two").expect("defined above");
    /// assert_eq!((two.size(), two.section()), (16, ".text"));
    /// assert_eq!(two.bytes()?, [0xb7, 0, 0, 0, 2, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn symbol(&self, name: &str) -> Option<Named<'_>> {
        let (_, symbol) = self.symbol_by_name(name)?;
        let Place::Section(section) = symbol.place else { return None };
        Some(Named { object: self, symbol, section })
    }

    /// The object as an ELF file.
    #[must_use]
    pub fn elf(&self) -> Vec<u8> {
        crate::elf::write(self)
    }
}

impl<'a> Named<'a> {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        &self.symbol.name
    }

    /// The section it lies in.
    #[must_use]
    pub fn section(&self) -> &'a str {
        &self.object.section(self.section).name
    }

    /// Where it begins, in bytes from the start of its section.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.symbol.value
    }

    /// Its size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.symbol.size
    }

    /// The slots of a function; empty for anything else.
    #[must_use]
    pub fn insns(&self) -> &'a [RawInsn] {
        match &self.object.section(self.section).contents {
            Contents::Code(slots) => {
                let range = usize::try_from(self.symbol.value / 8)
                    .ok()
                    .zip(usize::try_from((self.symbol.value + self.symbol.size) / 8).ok());
                range.and_then(|(from, to)| slots.get(from..to)).unwrap_or_default()
            }
            _ => &[],
        }
    }

    /// The relocations that a linker or loader has yet to apply to it, by offset.
    pub fn pending(&self) -> impl Iterator<Item = Pending> + use<'a> {
        let (object, start) = (self.object, self.symbol.value);
        let relocs = object.relocs_in(self.section, start..start.saturating_add(self.symbol.size));
        relocs.iter().map(move |reloc: &Reloc| Pending {
            offset: reloc.offset - start,
            kind: reloc.kind,
            symbol: name_of(object, reloc.symbol),
            addend: reloc.addend,
        })
    }

    /// Its bytes, as the target has them in memory: code is ready for `bpf(2)`.
    ///
    /// # Errors
    /// If relocations are pending: the error names them.
    pub fn bytes(&self) -> Result<Vec<u8>, Error> {
        let pending: Vec<Pending> = self.pending().collect();
        if !pending.is_empty() {
            return Err(Error::PendingRelocs { symbol: self.symbol.name.clone(), pending });
        }
        Ok(self.unrelocated_bytes())
    }

    /// Its bytes as they stand in the object: places with pending relocations hold nothing.
    #[must_use]
    pub fn unrelocated_bytes(&self) -> Vec<u8> {
        let range = usize::try_from(self.symbol.value)
            .ok()
            .zip(usize::try_from(self.symbol.value.saturating_add(self.symbol.size)).ok());
        let size = usize::try_from(self.symbol.size).unwrap_or_default();
        match &self.object.section(self.section).contents {
            Contents::Code(_) => {
                self.insns().iter().flat_map(|insn| insn.to_bytes(self.object.endian)).collect()
            }
            Contents::Bytes(bytes) => {
                range.and_then(|(from, to)| bytes.get(from..to)).unwrap_or_default().to_vec()
            }
            Contents::Zeros(_) => vec![0; size],
        }
    }
}

fn name_of(object: &Object, id: SymbolId) -> String {
    object.symbol_by_id(id).name.clone()
}
