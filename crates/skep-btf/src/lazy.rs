//! Looking up a few types without reading all of them.

use std::collections::HashMap;
use std::ffi::CStr;
use std::sync::OnceLock;

use crate::btf::Btf;
use crate::bytes::{Endian, Part, index, word};
use crate::error::{Error, FieldName};
use crate::kind::{Kind, Vlen};
use crate::opaque::Lengths;
use crate::parse;
use crate::store::Store;
use crate::strings::Strings;
use crate::table::Seed;
use crate::types::{FwdKind, StrRef, Type, TypeId};

/// The bytes of a `.BTF` section, of which no more is read than what is asked for: for the kernel's own types, of which
/// a program needs a few.
///
/// A name is searched for among the strings, and then the heads of the types are gone through once. What is found can be
/// taken out as a small [`Btf`].
///
/// ```
/// use skep_btf::lazy::{Follow, LazyBtf};
/// # use skep_btf::{Btf, Endian, IntEncoding, Kind};
/// # let mut types = Btf::builder();
/// # let int = types.int("int", 4, IntEncoding::Signed);
/// # let members = [types.member("pid", int, 0)];
/// # types.structure("task_struct", 4, &members);
/// # let section = types.build()?.to_bytes(Endian::Little);
/// let kernel = LazyBtf::new(&section)?;
/// let task = kernel.find_by_name(Kind::Struct, "task_struct")?.expect("each kernel has it");
/// let few = kernel.extract(&[task], Follow::Layout)?;
/// let id = few.id(task).expect("it was asked for");
/// assert_eq!(few.btf.name(id), "task_struct");
/// # Ok::<(), skep_btf::Error>(())
/// ```
#[derive(Debug)]
pub struct LazyBtf<'a> {
    base: Option<&'a LazyBtf<'a>>,
    endian: Endian,
    types: Part<'a>,
    strings: &'a [u8],
    /// How long types of unknown kinds are.
    lengths: Lengths,
    /// The last id of the base, and the length of its strings.
    first: TypeId,
    start: u32,
    index: OnceLock<Index>,
}

/// How much of what a type refers to is taken out with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// What the layout depends on. Of named structs and unions that are only pointed to there is a forward declaration.
    Layout,
    /// Everything.
    All,
}

/// Types that were taken out of a larger set.
#[derive(Debug, Clone)]
pub struct Extract {
    /// The types.
    pub btf: Btf,
    /// Where each type of the larger set is.
    ids: HashMap<TypeId, TypeId, Seed>,
    /// Where each type comes from, in order.
    origins: Vec<TypeId>,
}

impl Extract {
    /// Where a type of the larger set is; `None` if it was not taken.
    #[must_use]
    pub fn id(&self, origin: TypeId) -> Option<TypeId> {
        if origin.is_void() { Some(origin) } else { self.ids.get(&origin).copied() }
    }

    /// The id that a type has in the larger set. A forward declaration has that of what it declares.
    #[must_use]
    pub fn origin(&self, id: TypeId) -> TypeId {
        let place = index(id.0).checked_sub(1);
        place.and_then(|place| self.origins.get(place)).copied().unwrap_or(TypeId::VOID)
    }
}

/// Where types are.
#[derive(Debug)]
struct Index {
    /// The offset of each type whose number, from 0, is a multiple of [`STEP`].
    offsets: Vec<u32>,
    count: u32,
}

/// How many types are skipped at most to find one.
const STEP: u32 = 32;

impl<'a> LazyBtf<'a> {
    /// Looks at the header alone.
    ///
    /// # Errors
    ///
    /// If the header is not one that this crate reads, or the strings do not start and end with a zero byte.
    pub fn new(bytes: &'a [u8]) -> Result<LazyBtf<'a>, Error> {
        LazyBtf::open(bytes, None)
    }

    /// The same of a set on top of another.
    ///
    /// # Errors
    ///
    /// As those of [`new`](LazyBtf::new); also if the types of the base cannot be counted.
    pub fn with_base(bytes: &'a [u8], base: &'a LazyBtf<'a>) -> Result<LazyBtf<'a>, Error> {
        LazyBtf::open(bytes, Some(base))
    }

    fn open(bytes: &'a [u8], base: Option<&'a LazyBtf<'a>>) -> Result<LazyBtf<'a>, Error> {
        let parse::Parts { endian, types, strings, lengths } = parse::parts(bytes)?;
        parse::check_ends(strings, base.is_some())?;
        let first = base.map(LazyBtf::count).transpose()?.unwrap_or_default();
        let start = base.map_or(0, |base| base.start.saturating_add(word(base.strings.len())));
        let (first, strings) = (TypeId(first), strings.bytes);
        Ok(LazyBtf { base, endian, types, strings, lengths, first, start, index: OnceLock::new() })
    }

    /// How many types there are, with those of the base.
    ///
    /// # Errors
    ///
    /// If a type is of an unknown kind, or cut off.
    pub fn count(&self) -> Result<u32, Error> {
        Ok(self.first.0.saturating_add(self.index()?.count))
    }

    /// The first type of that kind and name.
    ///
    /// # Errors
    ///
    /// If a type is of an unknown kind, or cut off.
    pub fn find_by_name(&self, kind: Kind, name: &str) -> Result<Option<TypeId>, Error> {
        let found = self.find_all(name)?;
        Ok(found.into_iter().find(|&(_, found)| found == kind).map(|(id, _)| id))
    }

    /// Every type of that name, with its kind, in order.
    ///
    /// # Errors
    ///
    /// If a type is of an unknown kind, or cut off.
    pub fn find_all(&self, name: &str) -> Result<Vec<(TypeId, Kind)>, Error> {
        let mut found = self.base.map(|base| base.find_all(name)).transpose()?.unwrap_or_default();
        let mut places = Vec::new();
        let mut set = Some(self);
        while let Some(part) = set {
            places
                .extend(occurrences(part.strings, name).into_iter().map(|at| part.start.saturating_add(at)));
            set = part.base;
        }
        if places.is_empty() {
            return Ok(found);
        }
        places.sort_unstable();
        let mut note = |head: Head| found.push((head.id, head.kind));
        // Mostly there are so few that they are compared at once.
        match *places {
            [a] => self.scan(|head| {
                if head.name == a {
                    note(head)
                }
            }),
            [a, b] => self.scan(|head| {
                if (head.name == a) | (head.name == b) {
                    note(head)
                }
            }),
            _ => {
                let bit = |at: u32| 1_u64 << (at.wrapping_mul(0x9e37_79b1) >> 26);
                let bits = places.iter().fold(0, |bits, &at| bits | bit(at));
                let is_wanted = |name| bits & bit(name) != 0 && places.binary_search(&name).is_ok();
                self.scan(|head| {
                    if is_wanted(head.name) {
                        note(head)
                    }
                })
            }
        }?;
        Ok(found)
    }

    /// The types that the ids name, and what they refer to, as a set of its own.
    ///
    /// # Errors
    ///
    /// The first fault among them: what [`Btf::parse`] would say of it.
    pub fn extract(&self, ids: &[TypeId], follow: Follow) -> Result<Extract, Error> {
        let taken = Taken::new(self, ids, follow)?;
        taken.extract()
    }

    fn index(&self) -> Result<&Index, Error> {
        match self.index.get() {
            Some(index) => Ok(index),
            None => {
                self.scan(|_| {})?;
                Ok(self.index.get_or_init(|| Index { offsets: Vec::new(), count: 0 }))
            }
        }
    }

    /// Goes through the heads of all types. The first time, it notes where they are.
    fn scan(&self, visit: impl FnMut(Head)) -> Result<(), Error> {
        match self.endian {
            Endian::Little => self.scan_as::<false>(visit),
            Endian::Big => self.scan_as::<true>(visit),
        }
    }

    fn scan_as<const BIG: bool>(&self, mut visit: impl FnMut(Head)) -> Result<(), Error> {
        let types = self.types;
        let mut offsets = Vec::with_capacity(types.bytes.len() / 20 / index(STEP));
        let (mut at, mut id) = (0, self.first.0);
        while at < types.bytes.len() {
            offsets.push(word(at));
            for _ in 0..STEP {
                if at >= types.bytes.len() {
                    break;
                }
                id = id.saturating_add(1);
                let head = parse::head::<BIG>(&types, &self.lengths, at, TypeId(id))?;
                at += head.len;
                if let Some(kind) = head.kind {
                    visit(Head { id: TypeId(id), kind, name: head.name });
                }
            }
        }
        // Another thread or a search before may have been faster, with the same result.
        let _ = self.index.set(Index { offsets, count: id - self.first.0 });
        Ok(())
    }

    /// Reads one type into a store.
    fn read(&self, id: TypeId, store: &mut Store) -> Result<bool, Error> {
        if let Some(base) = self.base.filter(|_| id <= self.first) {
            return base.read(id, store);
        }
        let positions = self.index()?;
        let Some(number) = id.0.checked_sub(self.first.0).and_then(|own| own.checked_sub(1)) else {
            return Ok(false);
        };
        if number >= positions.count {
            return Ok(false);
        }
        let mut at = index(positions.offsets[index(number / STEP)]);
        for _ in 0..number % STEP {
            at += match self.endian {
                Endian::Little => parse::head::<false>(&self.types, &self.lengths, at, id)?.len,
                Endian::Big => parse::head::<true>(&self.types, &self.lengths, at, id)?.len,
            };
        }
        parse::one(self.endian, &self.types, at, id, store)?;
        Ok(true)
    }

    /// The string that starts there; `None` outside of the table.
    fn string(&self, at: StrRef) -> Option<&'a [u8]> {
        let mut set = self;
        while let Some(base) = set.base.filter(|_| at.0 < set.start) {
            set = base;
        }
        let rest = set.strings.get(index(at.0.checked_sub(set.start)?)..)?;
        CStr::from_bytes_until_nul(rest).ok().map(CStr::to_bytes)
    }

    fn end_of_strings(&self) -> u32 {
        self.start.saturating_add(word(self.strings.len()))
    }
}

/// What is known of a type without looking into it.
struct Head {
    id: TypeId,
    kind: Kind,
    name: u32,
}

/// Where that string is the end of a string of the table.
fn occurrences(strings: &[u8], name: &str) -> Vec<u32> {
    /// Bytes that are compared at once.
    const WIDTH: usize = 64;
    let name = name.as_bytes();
    let (Some(&first), Some(&last)) = (name.first(), name.last()) else { return Vec::new() };
    // Where the first byte is, the last one, and the zero byte behind it: together they are rare.
    let Some(ends) = strings.get(name.len()..) else { return Vec::new() };
    let (starts, lasts) = (&strings[..ends.len()], &strings[name.len() - 1..][..ends.len()]);
    let mut found = Vec::new();
    let mut look = |at: usize| {
        if ends[at] == 0 && starts[at] == first && strings[at..].starts_with(name) {
            found.push(word(at));
        }
    };
    let (wide, rest) = ends.as_chunks::<WIDTH>();
    let others = starts.as_chunks::<WIDTH>().0.iter().zip(lasts.as_chunks::<WIDTH>().0);
    for (number, ((start, last_of), end)) in others.zip(wide).enumerate() {
        let mut any = false;
        for ((&s, &l), &e) in start.iter().zip(last_of).zip(end) {
            any |= (s == first) & (l == last) & (e == 0);
        }
        if any {
            (number * WIDTH..(number + 1) * WIDTH).for_each(&mut look);
        }
    }
    (ends.len() - rest.len()..ends.len()).for_each(look);
    found
}

/// A type that is to be taken out.
struct Wanted {
    id: TypeId,
    /// Who refers to it, and where.
    by: Option<(TypeId, FieldName)>,
    is_pointed_to: bool,
}

/// Types to take out.
struct Taken<'l, 'a> {
    from: &'l LazyBtf<'a>,
    /// Their records, with the ids and strings of the larger set.
    store: Store,
    /// The id of each record, and where it will be.
    origins: Vec<TypeId>,
    places: HashMap<TypeId, TypeId, Seed>,
    /// Structs and unions of which only a declaration is taken.
    declared: Vec<TypeId>,
}

impl<'l, 'a> Taken<'l, 'a> {
    fn new(from: &'l LazyBtf<'a>, roots: &[TypeId], follow: Follow) -> Result<Self, Error> {
        let (store, places, declared) = (Store::default(), HashMap::default(), Vec::new());
        let mut taken = Taken { from, store, origins: Vec::new(), places, declared };
        let wanted = |&id: &TypeId| Wanted { id, by: None, is_pointed_to: false };
        let mut todo: Vec<Wanted> = roots.iter().rev().map(wanted).collect();
        let mut seen: HashMap<TypeId, bool, Seed> = HashMap::default();
        while let Some(Wanted { id, by, is_pointed_to }) = todo.pop() {
            // What was only pointed to may be needed after all, but not the other way round.
            if id.is_void() || seen.get(&id).is_some_and(|&before| !before || is_pointed_to) {
                continue;
            }
            let again = seen.insert(id, is_pointed_to).is_some();
            if !again && !from.read(id, &mut taken.store)? {
                return Err(taken.unknown(id, by));
            }
            let number = match again {
                true => taken.place(id),
                false => {
                    taken.origins.push(id);
                    taken.places.insert(id, TypeId(word(taken.origins.len())));
                    taken.origins.len() - 1
                }
            };
            let Some(record) = taken.store.records.get(number) else { continue };
            let ty = taken.store.view(record);
            if is_pointed_to && record.name != StrRef::EMPTY && ty.members().is_some() {
                taken.declared.push(id);
                continue;
            }
            let is_pointed_to = match (follow, ty) {
                (Follow::All, _) => false,
                (_, Type::Ptr(_) | Type::Func(_) | Type::FuncProto(_)) => true,
                // What is anonymous has to be seen in whole, and a name or tag is only as much as what is behind it.
                (_, Type::Struct(_) | Type::Union(_)) => false,
                _ => is_pointed_to,
            };
            let before = todo.len();
            ty.references(|to, name, index| {
                todo.push(Wanted { id: to, by: Some((id, FieldName { name, index })), is_pointed_to });
            });
            todo[before..].reverse();
        }
        taken.declared.retain(|id| seen.get(id) == Some(&true));
        Ok(taken)
    }

    fn place(&self, id: TypeId) -> usize {
        self.places.get(&id).map_or(usize::MAX, |place| index(place.0) - 1)
    }

    fn unknown(&self, found: TypeId, by: Option<(TypeId, FieldName)>) -> Error {
        let count = self.from.count().unwrap_or_default();
        match by {
            None => Error::Definition { id: found, found: "no type of the set".to_owned(), expected: "one" },
            Some((id, field)) => {
                let record = self.store.records.get(self.place(id));
                let kind = record.map_or(Kind::Ptr, |record| record.kind);
                Error::TypeRef { id, offset: self.from.types.start, kind, field, found, count }
            }
        }
    }

    /// Gives types and strings the ids and places that they have in the small set.
    fn extract(mut self) -> Result<Extract, Error> {
        for &id in &self.declared {
            let place = self.place(id);
            let record = &mut self.store.records[place];
            let kind = if record.kind == Kind::Union { FwdKind::Union } else { FwdKind::Struct };
            (record.kind, record.flag) = (Kind::Fwd, kind == FwdKind::Union);
            (record.arg, record.a, record.b) = (0, 0, 0);
        }
        let Taken { from, store, places, origins, .. } = &mut self;
        let mut names = NewStrings { from, text: vec![0], known: HashMap::default() };
        // A declaration does not need the members; what they refer to may not be there.
        let id = |old: u32| places.get(&TypeId(old)).map_or(0, |new| new.0);
        let mut fault = None;
        for (record, &origin) in store.records.iter_mut().zip(&*origins) {
            let place = |field: &'static str, index| (origin, record.kind, FieldName { name: field, index });
            record.name = names.take(record.name, place("the type", None), &mut fault);
            let row = record.kind.row();
            match record.kind {
                Kind::Array => (record.arg, record.a) = (id(record.arg), id(record.a)),
                _ if row.arg == crate::kind::Arg::Type => record.arg = id(record.arg),
                _ => {}
            }
            if row.vlen != Vlen::Count {
                continue;
            }
            let range = index(record.a)..index(record.a) + index(record.b);
            match record.kind {
                Kind::Struct | Kind::Union => {
                    for (at, member) in store.members[range].iter_mut().enumerate() {
                        member.ty = TypeId(id(member.ty.0));
                        member.name = names.take(member.name, place("member", Some(at)), &mut fault);
                    }
                }
                Kind::Enum | Kind::Enum64 => {
                    for (at, value) in store.enumerators[range].iter_mut().enumerate() {
                        value.name = names.take(value.name, place("enumerator", Some(at)), &mut fault);
                    }
                }
                Kind::FuncProto => {
                    for (at, param) in store.params[range].iter_mut().enumerate() {
                        param.ty = TypeId(id(param.ty.0));
                        param.name = names.take(param.name, place("parameter", Some(at)), &mut fault);
                    }
                }
                Kind::Datasec => {
                    for var in &mut store.vars[range] {
                        var.var = TypeId(id(var.var.0));
                    }
                }
                _ => {}
            }
        }
        if let Some(fault) = fault {
            return Err(fault);
        }
        let strings = Strings::from_section(0, &names.text);
        let btf = Btf::from_parts(None, strings, self.store);
        Ok(Extract { btf, ids: self.places, origins: self.origins })
    }
}

/// The strings of the small set.
struct NewStrings<'l, 'a> {
    from: &'l LazyBtf<'a>,
    text: Vec<u8>,
    known: HashMap<StrRef, StrRef, Seed>,
}

impl NewStrings<'_, '_> {
    fn take(&mut self, at: StrRef, by: (TypeId, Kind, FieldName), fault: &mut Option<Error>) -> StrRef {
        if at == StrRef::EMPTY {
            return at;
        }
        if let Some(&new) = self.known.get(&at) {
            return new;
        }
        let Some(string) = self.from.string(at) else {
            let ((id, kind, field), len) = (by, self.from.end_of_strings());
            let offset = self.from.types.start;
            fault.get_or_insert(Error::NameRef { id, offset, kind, field, found: at, len });
            return StrRef::EMPTY;
        };
        let new = if string.is_empty() { StrRef::EMPTY } else { StrRef(word(self.text.len())) };
        if !string.is_empty() {
            self.text.extend_from_slice(string);
            self.text.push(0);
        }
        self.known.insert(at, new);
        new
    }
}
