//! What a symbol and an addend refer to.

use skep_insn::{SLOT_BYTES, Slot};
use skep_object::object::{Place, Section, SectionId, SectionKind, SymbolId};

use crate::error::TargetProblem;
use crate::inputs::{FuncIndex, In, MapIndex};
use crate::symbols::Symbols;

/// What a reference means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Referent {
    /// A function.
    Func(In<FuncIndex>),
    /// An instruction inside of a function, but not its first.
    Code(In<FuncIndex>, Slot),
    /// A place in a section that is neither code nor maps, in bytes from its start.
    Data(In<SectionId>, i64),
    /// A map.
    Map(In<MapIndex>),
    /// Bytes beyond a symbol that no object defines.
    Undefined(In<SymbolId>, i64),
    /// A number.
    Number(u64),
}

impl Referent {
    /// What it is, for messages.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Referent::Func(_) => "a function",
            Referent::Code(..) => "an instruction",
            Referent::Data(..) => "data",
            Referent::Map(_) => "a map",
            Referent::Undefined(..) => "undefined",
            Referent::Number(_) => "a number",
        }
    }
}

impl Symbols<'_> {
    /// What lies `addend` bytes beyond a symbol.
    pub(crate) fn referent(&self, symbol: In<SymbolId>, addend: i64) -> Result<Referent, TargetProblem> {
        let id = self.definition(symbol);
        let symbol = self.inputs.symbol(id);
        let section = match symbol.place {
            Place::Undefined => return Ok(Referent::Undefined(id, addend)),
            Place::Absolute => return Ok(Referent::Number(symbol.value.wrapping_add_signed(addend))),
            Place::Section(section) => id.other(section),
        };
        let Section { name, contents, .. } = self.inputs.section(section);
        if symbol.value > contents.len() {
            let (offset, len) = (symbol.value.into(), contents.len());
            return Err(TargetProblem::Outside { section: name.clone(), offset, len });
        }
        self.at(section, i128::from(symbol.value) + i128::from(addend))
    }

    /// What lies at a place in a section.
    pub(crate) fn at(&self, id: In<SectionId>, offset: i128) -> Result<Referent, TargetProblem> {
        let section = self.inputs.section(id);
        let len = section.contents.len();
        let outside = || TargetProblem::Outside { section: section.name.clone(), offset, len };
        match section.kind {
            SectionKind::Code => {
                let offset = u64::try_from(offset).ok().filter(|&offset| offset < len).ok_or_else(outside)?;
                self.code_at(id, offset)
            }
            SectionKind::Maps => {
                let (first, maps) = self.inputs.maps_of(id);
                let found = maps.binary_search_by_key(&offset, |map| map.offset.into());
                let found = found.ok().and_then(|index| u32::try_from(index).ok());
                let none = || TargetProblem::NoMap { section: section.name.clone(), offset };
                Ok(Referent::Map(id.other(MapIndex(first + found.ok_or_else(none)?))))
            }
            // The compiler may keep an address outside of a variable and add the rest when it runs.
            _ => i64::try_from(offset).map(|offset| Referent::Data(id, offset)).map_err(|_| outside()),
        }
    }

    fn code_at(&self, id: In<SectionId>, offset: u64) -> Result<Referent, TargetProblem> {
        let section = || self.inputs.section(id).name.clone();
        if !offset.is_multiple_of(SLOT_BYTES as u64) {
            return Err(TargetProblem::Misaligned { section: section(), offset });
        }
        let slot = u32::try_from(offset / SLOT_BYTES as u64).map(Slot).ok();
        let Some((func, slot)) = slot.and_then(|slot| Some((self.inputs.func_at(id, slot)?, slot))) else {
            return Err(TargetProblem::NoFunction { section: section(), offset });
        };
        match slot.0 - self.inputs.func(func).start {
            0 => Ok(Referent::Func(func)),
            into => Ok(Referent::Code(func, Slot(into))),
        }
    }
}
