//! The data of an object, cut into what can be kept alone: variables, strings, constants.

use std::ops::Range;

use skep_object::object::{
    Contents, Object, Place, RelocKind, Section, SectionId, SectionKind, Symbol, SymbolKind,
};

/// Index of a piece, of all pieces of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PieceIndex(pub(crate) u32);

/// A part of a section that is neither code nor maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) section: SectionId,
    /// Bytes from the start of the section.
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl Piece {
    pub(crate) fn len(&self) -> u64 {
        self.end - self.start
    }

    /// What its start is aligned to, in a section that is aligned to `section`.
    pub(crate) fn align(&self, section: u64) -> u64 {
        match self.start {
            0 => section,
            start => section.min(1 << start.trailing_zeros()),
        }
    }
}

/// The pieces of an object, ordered by section and place. They do not overlap, and leave nothing out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pieces {
    pieces: Vec<Piece>,
    /// Of each section its first piece.
    first: Vec<u32>,
}

impl Pieces {
    pub(crate) fn new(object: &Object) -> Pieces {
        let mut borders = Borders::of(object);
        let mut pieces = Pieces::default();
        for (id, section) in (0..).map(SectionId).zip(&object.sections) {
            pieces.first.push(count(pieces.pieces.len()));
            if matches!(section.kind, SectionKind::Code | SectionKind::Maps) {
                continue;
            }
            let mut start = 0;
            let len = section.contents.len();
            for border in borders.take(id).into_iter().filter(|&border| 0 < border && border < len) {
                pieces.pieces.push(Piece { section: id, start, end: border });
                start = border;
            }
            pieces.pieces.push(Piece { section: id, start, end: len });
        }
        pieces.first.push(count(pieces.pieces.len()));
        pieces
    }

    pub(crate) fn len(&self) -> usize {
        self.pieces.len()
    }

    pub(crate) fn get(&self, id: PieceIndex) -> Piece {
        self.pieces[id.0 as usize]
    }

    /// The pieces of a section.
    pub(crate) fn of(&self, section: SectionId) -> impl Iterator<Item = PieceIndex> + use<> {
        self.range(section).map(PieceIndex)
    }

    /// The piece that holds a place of a section, or is the nearest; `None` in code and maps.
    pub(crate) fn at(&self, section: SectionId, offset: i128) -> Option<PieceIndex> {
        let Range { start, end } = self.range(section);
        let pieces = &self.pieces[start as usize..end as usize];
        let after = pieces.partition_point(|piece| i128::from(piece.start) <= offset);
        (!pieces.is_empty()).then(|| PieceIndex(start + count(after.saturating_sub(1))))
    }

    fn range(&self, section: SectionId) -> Range<u32> {
        let index = section.0 as usize;
        self.first[index]..self.first[index + 1]
    }
}

/// Where sections may be cut.
struct Borders {
    sections: Vec<Vec<u64>>,
}

impl Borders {
    fn of(object: &Object) -> Borders {
        let mut borders = Borders { sections: vec![Vec::new(); object.sections.len()] };
        if !object.divisible {
            return borders;
        }
        for (section, borders) in object.sections.iter().zip(&mut borders.sections) {
            *borders = constants(section);
        }
        borders.variables(object);
        borders.references(object);
        borders
    }

    fn take(&mut self, section: SectionId) -> Vec<u64> {
        std::mem::take(&mut self.sections[section.0 as usize])
    }

    /// Cuts between variables.
    fn variables(&mut self, object: &Object) {
        let mut vars: Vec<(SectionId, u64, u64)> = object.symbols.iter().filter_map(variable).collect();
        vars.sort_unstable();
        let mut vars = vars.as_slice();
        while let Some(&(section, start, mut end)) = vars.first() {
            // Variables that overlap stay together.
            let together = vars.iter().take_while(|&&(other, at, to)| {
                let is_inside = other == section && (at < end || at == start);
                end = if is_inside { end.max(to) } else { end };
                is_inside
            });
            vars = &vars[together.count()..];
            if is_divisible(&object.sections[section.0 as usize]) {
                self.sections[section.0 as usize].extend([start, end]);
            }
        }
        for borders in &mut self.sections {
            borders.sort_unstable();
            borders.dedup();
        }
    }

    /// Joins what a pointer in data may mean the end of, and what a relocation patches.
    fn references(&mut self, object: &Object) {
        for (index, section) in object.sections.iter().enumerate() {
            for reloc in &section.relocs {
                if matches!(reloc.kind, RelocKind::Call | RelocKind::LoadImm64) {
                    continue;
                }
                let places = &mut self.sections[index];
                if !places.is_empty() {
                    let end = reloc.offset.saturating_add(reloc.kind.size());
                    places.retain(|&border| border <= reloc.offset || end <= border);
                }
                let symbol = object.symbol_by_id(reloc.symbol);
                if let (SymbolKind::Section, Place::Section(target)) = (symbol.kind, symbol.place)
                    && let Ok(place) = u64::try_from(reloc.addend)
                    && let Ok(border) = self.sections[target.0 as usize].binary_search(&place)
                {
                    self.sections[target.0 as usize].remove(border);
                }
            }
        }
    }
}

/// Section, start and end of a variable that has a size.
fn variable(symbol: &Symbol) -> Option<(SectionId, u64, u64)> {
    let Place::Section(section) = symbol.place else { return None };
    let end = symbol.value.checked_add(symbol.size)?;
    (symbol.kind == SymbolKind::Object && symbol.size > 0).then_some((section, symbol.value, end))
}

fn is_divisible(section: &Section) -> bool {
    matches!(section.kind, SectionKind::Data | SectionKind::Rodata | SectionKind::Bss)
}

/// Where a section of constants may be cut: LLVM collects strings in `.rodata.str1.1`, and other constants of N bytes
/// in `.rodata.cstN`.
fn constants(section: &Section) -> Vec<u64> {
    let Contents::Bytes(bytes) = &section.contents else { return Vec::new() };
    let ends = (1_u64..).zip(bytes);
    if section.name.starts_with(".rodata.str1.") {
        return ends.filter(|&(_, &byte)| byte == 0).map(|(end, _)| end).collect();
    }
    match section.name.strip_prefix(".rodata.cst").and_then(|size| size.parse::<u64>().ok()) {
        Some(size) if size > 0 => ends.map(|(end, _)| end).filter(|end| end.is_multiple_of(size)).collect(),
        _ => Vec::new(),
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
