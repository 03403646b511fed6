//! Which index everything that is kept gets in the image, in the order of the input; and how much of it there is.

use std::collections::HashMap;

use skep_object::Image;
use skep_object::image::{DataId, FuncId, ImportId, ImportKind, MapId, Target};
use skep_object::object::{Binding, Contents, SectionKind, SymbolId};

use crate::error::Error;
use crate::objects::{FuncIndex, In, JUMP_TABLES, MapIndex, PerObject, number};
use crate::pieces::PieceIndex;
use crate::reachable::Kept;
use crate::referent::Referent;

/// The plan of the image.
#[derive(Debug)]
pub(crate) struct Layout<'a> {
    pub(crate) kept: &'a Kept<'a>,
    pub(crate) funcs: Vec<In<FuncIndex>>,
    pub(crate) data: Vec<Section<'a>>,
    pub(crate) maps: Vec<In<MapIndex>>,
    pub(crate) imports: Vec<Wanted>,
    pub(crate) counts: Counts,
    func_ids: PerObject<u32>,
    /// Of each piece, the section of the image and where it lies in it.
    places: Places,
    map_ids: PerObject<u32>,
    import_ids: HashMap<&'a str, ImportId>,
}

/// A data section of the image: what is kept of the sections of one name.
#[derive(Debug)]
pub(crate) struct Section<'a> {
    pub(crate) name: &'a str,
    pub(crate) read_only: bool,
    /// Whether all of it begins as zeros.
    pub(crate) zeros: bool,
    pub(crate) align: u64,
    pub(crate) size: u64,
    /// What it consists of, and where that lies, in bytes from its start.
    pub(crate) pieces: Vec<(In<PieceIndex>, u64)>,
}

/// Of each piece, the section of the image and where it lies in it.
type Places = PerObject<(DataId, u64)>;

/// What is to be imported.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// The first symbol of the name.
    pub(crate) symbol: In<SymbolId>,
    pub(crate) kind: ImportKind,
    pub(crate) weak: bool,
}

/// What the image must have in the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) funcs: usize,
    pub(crate) slots: usize,
    pub(crate) code_refs: usize,
    pub(crate) data: usize,
    pub(crate) data_bytes: u128,
    pub(crate) data_refs: usize,
    pub(crate) maps: usize,
    pub(crate) map_values: usize,
    pub(crate) imports: usize,
}

/// Gives everything its place.
pub(crate) fn plan<'a>(kept: &'a Kept<'a>) -> Result<Layout<'a>, Error> {
    let (func_ids, funcs) = enumerate(&kept.funcs, FuncIndex);
    let (map_ids, maps) = enumerate(&kept.maps, MapIndex);
    let (places, data) = place_data(kept)?;
    let mut layout = Layout {
        kept,
        funcs,
        data,
        maps,
        imports: Vec::new(),
        counts: Counts::default(),
        func_ids,
        places,
        map_ids,
        import_ids: HashMap::new(),
    };
    layout.import_and_count();
    Ok(layout)
}

/// Puts what is kept of the sections of one name behind each other.
fn place_data<'a>(kept: &Kept<'a>) -> Result<(Places, Vec<Section<'a>>), Error> {
    let objects = kept.objects;
    let (numbers, pieces) = enumerate(&kept.data, PieceIndex);
    let mut places: Places = numbers.iter().map(|list| vec![(DataId(0), 0); list.len()]).collect();
    let mut sections: Vec<Section<'a>> = Vec::new();
    let mut by_name: HashMap<&str, DataId> = HashMap::new();
    for id in pieces {
        let (_, input) = objects.section_of(id);
        let piece = objects.piece(id);
        let is_jump_tables = input.name == JUMP_TABLES;
        let data = *by_name.entry(&input.name).or_insert_with(|| {
            sections.push(Section {
                name: &input.name,
                read_only: true,
                zeros: true,
                align: 1,
                size: 0,
                pieces: Vec::new(),
            });
            DataId(number(sections.len() - 1))
        });
        let section = &mut sections[data.0 as usize];
        section.read_only &= is_jump_tables || matches!(input.kind, SectionKind::Rodata | SectionKind::Note);
        section.zeros &= matches!(input.contents, Contents::Zeros(_));
        // The first piece of each input brings the alignment that the input wants, even if its start is not kept.
        let align = if is_jump_tables { input.align.max(8) } else { input.align };
        section.align = section.align.max(align);
        let offset = section.size.next_multiple_of(piece.align(align));
        section.size =
            offset.checked_add(piece.len()).filter(|&size| size <= MAX_SECTION).ok_or_else(|| {
                let (name, size) = (input.name.clone(), u128::from(offset) + u128::from(piece.len()));
                Error::SectionTooLarge { name, size, max: MAX_SECTION }
            })?;
        section.pieces.push((id, offset));
        places[id.object as usize][id.id.0 as usize] = (data, offset);
    }
    Ok((places, sections))
}

/// Offsets in `ld_imm64` have 32 bits with their sign.
const MAX_SECTION: u64 = 1 << 31;

/// Numbers what is kept; the number of what is not kept means nothing.
fn enumerate<K, T>(kept: &PerObject<Option<K>>, id: impl Fn(u32) -> T) -> (PerObject<u32>, Vec<In<T>>) {
    let mut list = Vec::new();
    let mut ids = Vec::with_capacity(kept.len());
    for (object, things) in (0..).zip(kept) {
        let number_one = |(index, thing): (u32, &Option<K>)| {
            let place = number(list.len());
            if thing.is_some() {
                list.push(In { object, id: id(index) });
            }
            place
        };
        ids.push((0..).zip(things).map(number_one).collect());
    }
    (ids, list)
}

impl<'a> Layout<'a> {
    /// What a referent is in the image; `None` for a number, which is no reference.
    pub(crate) fn target(&self, referent: Referent) -> Option<Target> {
        Some(match referent {
            Referent::Func(func) => Target::Func(self.func(func)),
            Referent::Code(func, at) => Target::Code { func: self.func(func), at },
            Referent::Data(piece, into) => {
                let (data, start) = self.places[piece.object as usize][piece.id.0 as usize];
                Target::Data { data, offset: start.cast_signed().wrapping_add(into) }
            }
            Referent::Map(m) => Target::Map(MapId(self.map_ids[m.object as usize][m.id.0 as usize])),
            Referent::Undefined(symbol, addend) => {
                let name = self.kept.objects.symbol(symbol).name.as_str();
                Target::Import { import: self.import_ids[name], addend }
            }
            Referent::Number(_) | Referent::Helper(_) => return None,
        })
    }

    /// The section of the image that holds a piece, and where; `None` if the piece is not kept.
    pub(crate) fn place(&self, piece: In<PieceIndex>) -> Option<(DataId, u64)> {
        let is_kept = self.kept.data[piece.object as usize][piece.id.0 as usize].is_some();
        is_kept.then(|| self.places[piece.object as usize][piece.id.0 as usize])
    }

    fn func(&self, func: In<FuncIndex>) -> FuncId {
        FuncId(self.func_ids[func.object as usize][func.id.0 as usize])
    }

    fn import_and_count(&mut self) {
        let kept = self.kept;
        let objects = kept.objects;
        let mut counts = Counts {
            funcs: self.funcs.len(),
            data: self.data.len(),
            maps: self.maps.len(),
            ..Counts::default()
        };
        for func in self.funcs.clone() {
            counts.slots += objects.func(func).len as usize;
            for r in kept.code_refs(func) {
                counts.code_refs += self.count(r.referent, r.is_call);
            }
        }
        counts.data_bytes = self.data.iter().map(|section| u128::from(section.size)).sum();
        let pieces: Vec<_> =
            self.data.iter().flat_map(|section| &section.pieces).map(|&(id, _)| id).collect();
        for pointer in pieces.into_iter().flat_map(|piece| kept.pointers(piece)) {
            counts.data_refs += self.count(pointer.referent, false);
        }
        counts.map_values = self.maps.iter().map(|&map| kept.map_values(map).len()).sum();
        counts.imports = self.imports.len();
        self.counts = counts;
    }

    /// Notes what a reference imports; how many references of the image come from it.
    fn count(&mut self, referent: Referent, is_call: bool) -> usize {
        match referent {
            Referent::Number(_) | Referent::Helper(_) => return 0,
            Referent::Undefined(symbol, _) => self.import(symbol, is_call),
            _ => {}
        }
        1
    }

    fn import(&mut self, id: In<SymbolId>, is_call: bool) {
        let symbol = self.kept.objects.symbol(id);
        let kind = if is_call { ImportKind::Func } else { ImportKind::Address };
        let weak = symbol.binding == Binding::Weak;
        let next = ImportId(number(self.imports.len()));
        let import = *self.import_ids.entry(symbol.name.as_str()).or_insert(next);
        match self.imports.get_mut(import.0 as usize) {
            Some(wanted) => {
                wanted.weak &= weak;
                if is_call {
                    wanted.kind = kind;
                }
            }
            None => self.imports.push(Wanted { symbol: id, kind, weak }),
        }
    }
}

impl Counts {
    /// What the image has.
    pub(crate) fn of(image: &Image) -> Counts {
        Counts {
            funcs: image.funcs.len(),
            slots: image.funcs.iter().map(|func| func.code.len()).sum(),
            code_refs: image.funcs.iter().map(|func| func.refs.len()).sum(),
            data: image.data.len(),
            data_bytes: image.data.iter().map(|data| u128::from(data.size)).sum(),
            data_refs: image.data.iter().map(|data| data.refs.len()).sum(),
            maps: image.maps.len(),
            map_values: image.maps.iter().map(|map| map.values.len()).sum(),
            imports: image.imports.len(),
        }
    }
}
