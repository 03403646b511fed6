//! What a symbol and an addend refer to.

use skep_insn::{SLOT_BYTES, Slot};
use skep_object::object::{Place, Section, SectionId, SectionKind, SymbolId, SymbolKind};

use crate::error::TargetProblem;
use crate::objects::{FuncIndex, In, MapIndex};
use crate::pieces::PieceIndex;
use crate::symbols::Symbols;

/// What a reference means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Referent {
    /// A function.
    Func(In<FuncIndex>),
    /// An instruction inside of a function, but not its first.
    Code(In<FuncIndex>, Slot),
    /// A place in a section that is neither code nor maps, in bytes from the start of a piece of it.
    Data(In<PieceIndex>, i64),
    /// A map.
    Map(In<MapIndex>),
    /// Bytes beyond a symbol that no object defines.
    Undefined(In<SymbolId>, i64),
    /// A number.
    Number(u64),
    /// A helper of the kernel, by its number.
    Helper(i32),
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
            Referent::Helper(_) => "a helper",
        }
    }
}

impl Symbols<'_> {
    /// What lies `addend` bytes beyond a symbol, as it is defined.
    pub(crate) fn referent(&self, symbol: In<SymbolId>, addend: i64) -> Result<Referent, TargetProblem> {
        self.own_referent(self.definition(symbol), addend)
    }

    /// What lies `addend` bytes beyond a symbol, whether or not its name stands for something else.
    pub(crate) fn own_referent(&self, id: In<SymbolId>, addend: i64) -> Result<Referent, TargetProblem> {
        let symbol = self.objects.symbol(id);
        let section = match symbol.place {
            Place::Undefined => return Ok(Referent::Undefined(id, addend)),
            Place::Absolute => return Ok(Referent::Number(symbol.value.wrapping_add_signed(addend))),
            Place::Section(section) => id.other(section),
        };
        let Section { name, contents, .. } = self.objects.section(section);
        if symbol.value > contents.len() {
            let (offset, len) = (symbol.value.into(), contents.len());
            return Err(TargetProblem::Outside { section: name.clone(), offset, len });
        }
        // A variable stays the same, wherever beyond it the place is.
        let offset = i128::from(symbol.value) + i128::from(addend);
        let within = if symbol.kind == SymbolKind::Section { offset } else { symbol.value.into() };
        self.at(section, offset, within)
    }

    /// What lies at a place in a section; in data, as seen from what lies at `within`.
    pub(crate) fn at(
        &self,
        id: In<SectionId>,
        offset: i128,
        within: i128,
    ) -> Result<Referent, TargetProblem> {
        let section = self.objects.section(id);
        let len = section.contents.len();
        let outside = || TargetProblem::Outside { section: section.name.clone(), offset, len };
        match section.kind {
            SectionKind::Code => {
                let offset = u64::try_from(offset).ok().filter(|&offset| offset < len).ok_or_else(outside)?;
                self.code_at(id, offset)
            }
            SectionKind::Maps => {
                let (first, maps) = self.objects.maps_of(id);
                let found = maps.binary_search_by_key(&offset, |map| map.offset.into());
                let found = found.ok().and_then(|index| u32::try_from(index).ok());
                let none = || TargetProblem::NoMap { section: section.name.clone(), offset };
                Ok(Referent::Map(id.other(MapIndex(first + found.ok_or_else(none)?))))
            }
            // The compiler may keep an address outside of a variable and add the rest when it runs.
            _ => {
                let piece = self.objects.pieces(id.object).at(id.id, within).map(|piece| id.other(piece));
                let into = |piece| i64::try_from(offset - i128::from(self.objects.piece(piece).start)).ok();
                let place = piece.and_then(|piece| Some(Referent::Data(piece, into(piece)?)));
                place.ok_or_else(outside)
            }
        }
    }

    fn code_at(&self, id: In<SectionId>, offset: u64) -> Result<Referent, TargetProblem> {
        let section = || self.objects.section(id).name.clone();
        if !offset.is_multiple_of(SLOT_BYTES as u64) {
            return Err(TargetProblem::Misaligned { section: section(), offset });
        }
        let slot = u32::try_from(offset / SLOT_BYTES as u64).map(Slot).ok();
        let Some((func, slot)) = slot.and_then(|slot| Some((self.objects.func_at(id, slot)?, slot))) else {
            return Err(TargetProblem::NoFunction { section: section(), offset });
        };
        match slot.0 - self.objects.func(func).start {
            0 => Ok(Referent::Func(func)),
            into => Ok(Referent::Code(func, Slot(into))),
        }
    }
}
