//! Which index everything that is kept gets in the image, in the order of the input; and how much of it there is.

use std::collections::HashMap;

use skep_object::Image;
use skep_object::image::{DataId, FuncId, ImportId, ImportKind, MapId, Target};
use skep_object::object::{Binding, SectionId, SymbolId};

use crate::inputs::{FuncIndex, In, MapIndex, PerObject, number};
use crate::reachable::Kept;
use crate::referent::Referent;

/// The plan of the image.
#[derive(Debug)]
pub(crate) struct Layout<'a> {
    pub(crate) kept: &'a Kept<'a>,
    pub(crate) funcs: Vec<In<FuncIndex>>,
    pub(crate) data: Vec<In<SectionId>>,
    pub(crate) maps: Vec<In<MapIndex>>,
    pub(crate) imports: Vec<Wanted>,
    pub(crate) counts: Counts,
    func_ids: PerObject<u32>,
    data_ids: PerObject<u32>,
    map_ids: PerObject<u32>,
    import_ids: HashMap<&'a str, ImportId>,
}

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
pub(crate) fn place<'a>(kept: &'a Kept<'a>) -> Layout<'a> {
    let (func_ids, funcs) = enumerate(&kept.funcs, FuncIndex);
    let (data_ids, data) = enumerate(&kept.data, SectionId);
    let (map_ids, maps) = enumerate(&kept.maps, MapIndex);
    let mut layout = Layout {
        kept,
        funcs,
        data,
        maps,
        imports: Vec::new(),
        counts: Counts::default(),
        func_ids,
        data_ids,
        map_ids,
        import_ids: HashMap::new(),
    };
    layout.import_and_count();
    layout
}

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
            Referent::Data(s, offset) => {
                Target::Data { data: DataId(self.data_ids[s.object as usize][s.id.0 as usize]), offset }
            }
            Referent::Map(m) => Target::Map(MapId(self.map_ids[m.object as usize][m.id.0 as usize])),
            Referent::Undefined(symbol, addend) => {
                let name = self.kept.inputs.symbol(symbol).name.as_str();
                Target::Import { import: self.import_ids[name], addend }
            }
            Referent::Number(_) => return None,
        })
    }

    fn func(&self, func: In<FuncIndex>) -> FuncId {
        FuncId(self.func_ids[func.object as usize][func.id.0 as usize])
    }

    fn import_and_count(&mut self) {
        let kept = self.kept;
        let inputs = kept.inputs;
        let mut counts = Counts {
            funcs: self.funcs.len(),
            data: self.data.len(),
            maps: self.maps.len(),
            ..Counts::default()
        };
        for func in self.funcs.clone() {
            counts.slots += inputs.func(func).len as usize;
            for r in kept.code_refs(func) {
                counts.code_refs += self.count(r.referent, r.is_call);
            }
        }
        for section in self.data.clone() {
            counts.data_bytes += u128::from(inputs.section(section).contents.len());
            for pointer in kept.pointers(section) {
                counts.data_refs += self.count(pointer.referent, false);
            }
        }
        counts.map_values = self.maps.iter().map(|&map| kept.map_values(map).len()).sum();
        counts.imports = self.imports.len();
        self.counts = counts;
    }

    /// Notes what a reference imports; how many references of the image come from it.
    fn count(&mut self, referent: Referent, is_call: bool) -> usize {
        match referent {
            Referent::Number(_) => return 0,
            Referent::Undefined(symbol, _) => self.import(symbol, is_call),
            _ => {}
        }
        1
    }

    fn import(&mut self, id: In<SymbolId>, is_call: bool) {
        let symbol = self.kept.inputs.symbol(id);
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
