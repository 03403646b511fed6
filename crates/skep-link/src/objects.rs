//! The objects to link, proven to be consistent in themselves: from here on, their indices can be trusted.

use std::borrow::Cow;

use skep_insn::Slot;
use skep_object::object::{
    Contents, Func, Map, Object, Place, Section, SectionId, SectionKind, Symbol, SymbolId,
};

use crate::error::Error;
use crate::inputs::Inputs;
use crate::library::Library;
use crate::pieces::{Piece, PieceIndex, Pieces};

/// An object that has been checked.
#[derive(Clone, Debug)]
pub(crate) struct Member<'a> {
    object: Cow<'a, Object>,
    pieces: Pieces,
}

impl Member<'static> {
    /// An object of a library.
    pub(crate) fn owned(object: Object) -> Result<Self, Error> {
        Member::new(Cow::Owned(object))
    }
}

impl<'a> Member<'a> {
    fn new(object: Cow<'a, Object>) -> Result<Self, Error> {
        let checked = check_object(&object);
        checked.map_err(|what| Error::Inconsistent { object: object.name.clone(), what })?;
        let pieces = Pieces::new(&object);
        Ok(Member { object, pieces })
    }

    pub(crate) fn object(&self) -> &Object {
        &self.object
    }
}

/// All objects that may count: those that were given, in this order, then the members of the libraries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Objects<'a> {
    members: &'a [&'a Member<'a>],
    given: u32,
    libraries: &'a [&'a Library],
}

/// Checks the objects that were given; libraries have been checked when they were made.
pub(crate) fn check<'a>(inputs: &Inputs<'a>) -> Result<Vec<Member<'a>>, Error> {
    if inputs.objects.is_empty() {
        return Err(Error::NoObject);
    }
    inputs.objects.iter().map(|object| Member::new(Cow::Borrowed(*object))).collect()
}

/// The objects that were given, and those of the libraries.
pub(crate) fn all<'a>(given: &'a [Member<'a>], libraries: &[&'a Library]) -> Vec<&'a Member<'a>> {
    given.iter().chain(libraries.iter().flat_map(|library| &library.members)).collect()
}

/// Something of one of the objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct In<T> {
    pub(crate) object: u32,
    pub(crate) id: T,
}

impl<T> In<T> {
    /// Something else of the same object.
    pub(crate) fn other<U>(&self, id: U) -> In<U> {
        In { object: self.object, id }
    }
}

/// Index in [`Object::funcs`]. It stands for the identity of a function: object, section and offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FuncIndex(pub(crate) u32);

/// Index in [`Object::maps`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct MapIndex(pub(crate) u32);

/// Where LLVM puts jump tables.
pub(crate) const JUMP_TABLES: &str = ".jumptables";

/// A list for each object, with an entry for each thing of a kind.
pub(crate) type PerObject<T> = Vec<Vec<T>>;

impl<'a> Objects<'a> {
    pub(crate) fn new(
        members: &'a [&'a Member<'a>],
        given: usize,
        libraries: &'a [&'a Library],
    ) -> Objects<'a> {
        Objects { members, given: number(given), libraries }
    }

    /// How many objects there are, those of libraries included.
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// The first object, which gives the image its name.
    pub(crate) fn first(&self) -> &'a Object {
        self.members[0].object()
    }

    pub(crate) fn object(&self, id: u32) -> &'a Object {
        self.members[id as usize].object()
    }

    /// How an object's data is divided.
    pub(crate) fn pieces(&self, object: u32) -> &'a Pieces {
        &self.members[object as usize].pieces
    }

    /// The object of the first library that defines a name.
    pub(crate) fn supplier(&self, name: &str) -> Option<u32> {
        let mut first = self.given;
        for library in self.libraries {
            if let Some(member) = library.member_of(name) {
                return Some(first + member);
            }
            first += library.len();
        }
        None
    }

    /// The names that libraries define.
    pub(crate) fn supplied(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.libraries.iter().flat_map(|library| library.definitions().map(|(name, _)| name))
    }

    /// A piece of a data section.
    pub(crate) fn piece(&self, at: In<PieceIndex>) -> Piece {
        self.pieces(at.object).get(at.id)
    }

    /// The section of a piece.
    pub(crate) fn section_of(&self, at: In<PieceIndex>) -> (In<SectionId>, &'a Section) {
        let section = at.other(self.piece(at).section);
        (section, self.section(section))
    }

    pub(crate) fn section(&self, at: In<SectionId>) -> &'a Section {
        self.object(at.object).section(at.id)
    }

    pub(crate) fn symbol(&self, at: In<SymbolId>) -> &'a Symbol {
        self.object(at.object).symbol_by_id(at.id)
    }

    pub(crate) fn func(&self, at: In<FuncIndex>) -> &'a Func {
        &self.object(at.object).funcs[at.id.0 as usize]
    }

    pub(crate) fn func_name(&self, at: In<FuncIndex>) -> &'a str {
        &self.symbol(at.other(self.func(at).symbol)).name
    }

    pub(crate) fn map(&self, at: In<MapIndex>) -> &'a Map {
        &self.object(at.object).maps[at.id.0 as usize]
    }

    /// The objects that were given.
    pub(crate) fn given(&self) -> impl Iterator<Item = u32> + use<> {
        0..self.given
    }

    pub(crate) fn funcs(&self, object: u32) -> impl Iterator<Item = In<FuncIndex>> + use<> {
        ids(&self.object(object).funcs, FuncIndex).map(move |id| In { object, id })
    }

    pub(crate) fn symbols(&self, object: u32) -> impl Iterator<Item = In<SymbolId>> + use<> {
        ids(&self.object(object).symbols, SymbolId).map(move |id| In { object, id })
    }

    pub(crate) fn maps(&self, object: u32) -> impl Iterator<Item = In<MapIndex>> + use<> {
        ids(&self.object(object).maps, MapIndex).map(move |id| In { object, id })
    }

    /// The function that holds a slot of a code section.
    pub(crate) fn func_at(&self, section: In<SectionId>, slot: Slot) -> Option<In<FuncIndex>> {
        let funcs = &self.object(section.object).funcs;
        let after = funcs.partition_point(|f| (f.section, f.start) <= (section.id, slot.0));
        let index = after.checked_sub(1)?;
        let func = &funcs[index];
        let holds = func.section == section.id && slot.0 - func.start < func.len;
        holds.then(|| section.other(FuncIndex(number(index))))
    }

    /// The maps of a section, ordered by offset, with the index of the first.
    pub(crate) fn maps_of(&self, section: In<SectionId>) -> (u32, &'a [Map]) {
        let maps = &self.object(section.object).maps;
        let start = maps.partition_point(|m| m.section < section.id);
        let end = maps.partition_point(|m| m.section <= section.id);
        (number(start), &maps[start..end])
    }
}

fn ids<T, U, F: Fn(u32) -> U>(list: &[T], id: F) -> impl Iterator<Item = U> + use<T, U, F> {
    (0..number(list.len())).map(id)
}

/// An index or length that [`check`] has found to fit.
pub(crate) fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// Checks what the types of an object cannot say.
fn check_object(object: &Object) -> Result<(), String> {
    let lens = [object.sections.len(), object.symbols.len(), object.funcs.len(), object.maps.len()];
    if let Some(len) = lens.into_iter().find(|&len| u32::try_from(len).is_err()) {
        return Err(format!("a list of {len} elements, expected fewer than 2^32"));
    }
    for symbol in &object.symbols {
        if let Place::Section(section) = symbol.place
            && section.0 as usize >= object.sections.len()
        {
            return Err(format!(
                "symbol '{}' is in section {}, which does not exist",
                symbol.name, section.0
            ));
        }
    }
    for section in &object.sections {
        check_section(object, section).map_err(|what| format!("section {}: {what}", section.name))?;
    }
    check_funcs(object)?;
    check_maps(object)
}

fn check_section(object: &Object, section: &Section) -> Result<(), String> {
    if !section.align.is_power_of_two() {
        return Err(format!("alignment {}, expected a power of two", section.align));
    }
    match (&section.contents, section.kind) {
        (Contents::Code(slots), SectionKind::Code) if u32::try_from(slots.len()).is_err() => {
            return Err(format!("{} slots, expected fewer than 2^32", slots.len()));
        }
        (Contents::Code(_), SectionKind::Code) => {}
        (Contents::Code(_), kind) => return Err(format!("code in a section of kind {kind:?}")),
        (_, SectionKind::Code) => return Err("a code section without code".to_owned()),
        _ => {}
    }
    if !section.relocs.is_sorted_by_key(|reloc| reloc.offset) {
        return Err("relocations are not ordered by offset".to_owned());
    }
    match section.relocs.iter().find(|reloc| reloc.symbol.0 as usize >= object.symbols.len()) {
        Some(reloc) => Err(format!(
            "relocation at {:#x} names symbol {}, of {}",
            reloc.offset,
            reloc.symbol.0,
            object.symbols.len()
        )),
        None => Ok(()),
    }
}

fn check_funcs(object: &Object) -> Result<(), String> {
    let mut free = (SectionId(0), 0);
    for (index, func) in object.funcs.iter().enumerate() {
        let fail = |what: &str| Err(format!("function {index} at slot {}: {what}", func.start));
        if func.symbol.0 as usize >= object.symbols.len() {
            return fail("its symbol does not exist");
        }
        let Some(Section { contents: Contents::Code(slots), .. }) =
            object.sections.get(func.section.0 as usize)
        else {
            return fail("it lies in no code section");
        };
        let Some(end) = func.start.checked_add(func.len).filter(|&end| end as usize <= slots.len()) else {
            return fail("it ends outside its section");
        };
        if func.len == 0 {
            return fail("it is empty");
        }
        if (func.section, func.start) < free {
            return fail("it overlaps the one before, or is out of order");
        }
        free = (func.section, end);
    }
    Ok(())
}

fn check_maps(object: &Object) -> Result<(), String> {
    for map in &object.maps {
        let symbols = map.values.iter().map(|&(_, symbol)| symbol).chain([map.symbol]);
        if symbols.into_iter().any(|symbol| symbol.0 as usize >= object.symbols.len()) {
            return Err(format!("map '{}' names a symbol that does not exist", map.def.name));
        }
        match object.sections.get(map.section.0 as usize) {
            Some(section) if map.offset < section.contents.len() => {}
            _ => return Err(format!("map '{}' lies in no section", map.def.name)),
        }
    }
    match object.maps.is_sorted_by_key(|map| (map.section, map.offset)) {
        true => Ok(()),
        false => Err("maps are not ordered by section and offset".to_owned()),
    }
}
