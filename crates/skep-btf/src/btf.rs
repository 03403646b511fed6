//! A set of types, and how to look things up in it.

use std::sync::{Arc, OnceLock};

use crate::builder::BtfBuilder;
use crate::bytes::{Endian, word};
use crate::error::Error;
use crate::kind::Kind;
use crate::names::NameIndex;
use crate::store::Store;
use crate::strings::Strings;
use crate::types::{Datasec, SecVar, StrRef, Type, TypeId};
use crate::{check, parse, write};

/// The types of one object, program or kernel.
///
/// Every reference between them has been checked: whatever id or string a type of the set names, the set has. An id or
/// string of another set is taken for void or the empty string where there is no `Option` to tell.
///
/// A type of a kind that is newer than this crate reads as void, if the section says how long it is; else the section is
/// refused. It is written as it was read.
///
/// A set may be *split*: on top of another, its [`base`](Btf::base), as a kernel module's types are on top of the
/// kernel's. Its ids and strings go on where those of the base end, and whatever is looked up by id, string or name is
/// looked up in both. [`ids`](Btf::ids), [`iter`](Btf::iter) and [`to_bytes`](Btf::to_bytes) are about the split part
/// alone; [`flatten`](Btf::flatten) makes one set of both.
#[derive(Debug, Clone)]
pub struct Btf {
    base: Option<Arc<Btf>>,
    strings: Strings,
    store: Store,
    names: OnceLock<NameIndex>,
}

/// How many typedefs, modifiers and array levels lookups follow. C has no use for more than a dozen; the limit makes
/// sure that a type that contains itself is no endless loop.
const MAX_CHAIN: usize = 1024;

/// The size of a BPF pointer, in bytes.
const POINTER_SIZE: u64 = 8;

impl Btf {
    /// Reads the bytes of a `.BTF` section, of either byte order.
    ///
    /// # Errors
    ///
    /// The first fault: a header that this crate does not know, an unknown kind, a reserved bit that is set, a type
    /// that is cut off, a reference to a type or string that does not exist. Whether the kernel would take the types
    /// is another question, which is not asked here.
    pub fn parse(bytes: &[u8]) -> Result<Btf, Error> {
        parse::btf(bytes, None)
    }

    /// Reads the bytes of a `.BTF` section that is on top of `base`, as those of kernel modules are.
    ///
    /// # Errors
    ///
    /// As those of [`parse`](Btf::parse). That the base is another one than the section was made for can only be told
    /// where a reference leads nowhere.
    pub fn parse_with_base(bytes: &[u8], base: Arc<Btf>) -> Result<Btf, Error> {
        parse::btf(bytes, Some(base))
    }

    /// Whether the bytes of a `.BTF` section are on top of another set: whether their strings do not begin with the empty
    /// one, which such a set has from its base.
    #[must_use]
    pub fn needs_base(bytes: &[u8]) -> bool {
        parse::needs_base(bytes)
    }

    /// Starts a new set.
    #[must_use]
    pub fn builder() -> BtfBuilder {
        BtfBuilder::default()
    }

    /// Starts a new set on top of another. What the base has is found there instead of being added.
    #[must_use]
    pub fn builder_on(base: Arc<Btf>) -> BtfBuilder {
        let (strings, store) = (Strings::on(base.strings.end()), Store::on(base.count()));
        BtfBuilder::from(Btf::from_parts(Some(base), strings, store))
    }

    /// The set that this one is on top of.
    #[must_use]
    pub fn base(&self) -> Option<&Arc<Btf>> {
        self.base.as_ref()
    }

    /// One set of the base and what is on top of it, under the same ids. A set without a base is copied.
    #[must_use]
    pub fn flatten(&self) -> Btf {
        let lineage = self.lineage();
        let (strings, store) = (Strings::joined(lineage.iter().map(|set| &set.strings)), Store::default());
        let mut flat = Btf::from_parts(None, strings, store);
        lineage.iter().for_each(|set| flat.store.append(&set.store));
        flat
    }

    /// Writes a `.BTF` section; of a split set, without its base.
    #[must_use]
    pub fn to_bytes(&self, endian: Endian) -> Vec<u8> {
        write::btf(self, endian)
    }

    /// How many types there are, with those of the base. Their ids are 1 up to this number.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.store.count()
    }

    /// The ids of all types, in order, but for those of the base.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = TypeId> + ExactSizeIterator + use<> {
        let (base, len) = (self.store.base, self.store.records.len());
        (0..len).map(move |number| TypeId(base.saturating_add(word(number)).saturating_add(1)))
    }

    /// All types, in order, but for those of the base.
    pub fn iter(&self) -> impl Iterator<Item = (TypeId, Type<'_>)> {
        self.ids().zip(&self.store.records).map(|(id, record)| (id, self.store.view(record)))
    }

    /// The type of that id; `None` if the set has none.
    #[must_use]
    pub fn get(&self, id: TypeId) -> Option<Type<'_>> {
        self.home(id).store.ty(id)
    }

    /// The type of that id; void if the set has none.
    #[must_use]
    pub fn ty(&self, id: TypeId) -> Type<'_> {
        self.get(id).unwrap_or(Type::Void)
    }

    /// The kind of a type; `None` for void, and for a type of a kind that is newer than this crate.
    #[must_use]
    pub fn kind(&self, id: TypeId) -> Option<Kind> {
        self.home(id).store.record(id).filter(|record| !record.is_opaque).map(|record| record.kind)
    }

    /// The name of a type; empty for an anonymous one.
    #[must_use]
    pub fn name(&self, id: TypeId) -> &str {
        self.string(self.name_ref(id))
    }

    /// Where the name of a type is.
    #[must_use]
    pub fn name_ref(&self, id: TypeId) -> StrRef {
        self.home(id).store.record(id).map_or(StrRef::EMPTY, |record| record.name)
    }

    /// A string of the table. A byte that is not UTF-8 reads as `?`.
    #[must_use]
    pub fn string(&self, at: StrRef) -> &str {
        self.get_string(at).unwrap_or_default()
    }

    /// A string of the table, as [`string`](Btf::string) gives it; `None` outside of the table and inside a character.
    #[must_use]
    pub fn get_string(&self, at: StrRef) -> Option<&str> {
        self.strings_of(at).get(at)
    }

    /// The bytes of a string of the table, as they are encoded.
    #[must_use]
    pub fn string_bytes(&self, at: StrRef) -> &[u8] {
        self.strings_of(at).bytes(at).unwrap_or_default()
    }

    /// The first type of that kind and name. The first call indexes the set.
    #[must_use]
    pub fn find_by_name(&self, kind: Kind, name: &str) -> Option<TypeId> {
        self.find_all(name).find(|&id| self.kind(id) == Some(kind))
    }

    /// Every type of that name, of any kind, in order. The first call indexes the set.
    pub fn find_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = TypeId> + 'a {
        let names = |set: &'a Btf| set.names.get_or_init(|| NameIndex::new(set)).find(set, name);
        self.lineage().into_iter().flat_map(names)
    }

    /// What is left of a type without typedefs, `const`, `volatile`, `restrict` and type tags; `None` if it is made of
    /// nothing else, in a loop.
    #[must_use]
    pub fn resolve(&self, mut id: TypeId) -> Option<TypeId> {
        for _ in 0..MAX_CHAIN {
            match self.ty(id).modified() {
                Some(inner) => id = inner,
                None => return Some(id),
            }
        }
        None
    }

    /// The type that [`resolve`](Btf::resolve) ends at; void for a loop.
    #[must_use]
    pub fn resolved(&self, id: TypeId) -> Type<'_> {
        self.resolve(id).map_or(Type::Void, |id| self.ty(id))
    }

    /// The size of a value of the type, in bytes, with 8-byte pointers; `None` for what has none: void, functions and
    /// their types, forward declarations, tags of declarations, and types that contain themselves.
    #[must_use]
    pub fn size_of(&self, mut id: TypeId) -> Option<u64> {
        let mut elements = 1_u64;
        for _ in 0..MAX_CHAIN {
            let size = match self.ty(id) {
                Type::Int(int) => int.size.into(),
                Type::Float { size } => size.into(),
                Type::Struct(composite) | Type::Union(composite) => composite.size.into(),
                Type::Enum(e) | Type::Enum64(e) => e.size.into(),
                Type::Datasec(section) => section.size.into(),
                Type::Ptr(_) => POINTER_SIZE,
                Type::Array(array) => {
                    elements = elements.checked_mul(array.len.into())?;
                    id = array.elem;
                    continue;
                }
                Type::Var(var) => {
                    id = var.ty;
                    continue;
                }
                other => {
                    id = other.modified()?;
                    continue;
                }
            };
            return elements.checked_mul(size);
        }
        None
    }

    /// The data section of that name.
    #[must_use]
    pub fn datasec(&self, name: &str) -> Option<(TypeId, Datasec<'_>)> {
        let id = self.find_by_name(Kind::Datasec, name)?;
        match self.ty(id) {
            Type::Datasec(section) => Some((id, section)),
            _ => None,
        }
    }

    /// Gives a data section its final size and places, which a linker or loader knows and a compiler does not.
    ///
    /// # Errors
    ///
    /// If `id` is not a data section of this set itself, or a variable not a type of it.
    pub fn set_datasec(&mut self, id: TypeId, size: u32, vars: &[SecVar]) -> Result<(), Error> {
        let wrong =
            |id, found: &str, expected| Err(Error::Definition { id, found: found.to_owned(), expected });
        if self.kind(id) != Some(Kind::Datasec) {
            return wrong(id, self.kind(id).map_or("void", Kind::name), Kind::Datasec.name());
        }
        if id.0 <= self.store.base {
            return wrong(id, "a type of the base", "one of the set on top of it");
        }
        if let Some(var) = vars.iter().find(|var| !check::is_known(self, var.var)) {
            return wrong(var.var, "no type of the set", "a variable");
        }
        self.store.set_datasec(id, size, vars);
        Ok(())
    }

    /// How many bytes of memory the set holds, without its index of names and its base.
    #[must_use]
    pub fn footprint(&self) -> usize {
        self.store.footprint() + self.strings.footprint()
    }

    pub(crate) fn from_parts(base: Option<Arc<Btf>>, strings: Strings, store: Store) -> Btf {
        Btf { base, strings, store, names: OnceLock::new() }
    }

    /// For the builder, which only ever adds.
    pub(crate) fn strings_mut(&mut self) -> &mut Strings {
        &mut self.strings
    }

    /// For the builder; whatever is changed, the index of names starts anew.
    pub(crate) fn with_store<T>(&mut self, edit: impl FnOnce(&mut Store) -> T) -> T {
        self.names.take();
        edit(&mut self.store)
    }

    /// The strings of this set alone, as [`store`](Btf::store) has its types.
    pub(crate) fn strings(&self) -> &Strings {
        &self.strings
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The lowest base, what is on top of it, and so on up to this set.
    pub(crate) fn lineage(&self) -> Vec<&Btf> {
        let mut sets: Vec<&Btf> = std::iter::successors(Some(self), |set| set.base.as_deref()).collect();
        sets.reverse();
        sets
    }

    /// The set of the lineage that has the type, if any has.
    fn home(&self, id: TypeId) -> &Btf {
        let mut set = self;
        while let Some(base) = set.base.as_deref().filter(|_| id.0 <= set.store.base) {
            set = base;
        }
        set
    }

    /// The table of the lineage that has the string, if any has.
    pub(crate) fn strings_of(&self, at: StrRef) -> &Strings {
        let mut set = self;
        while let Some(base) = set.base.as_deref().filter(|_| at.0 < set.strings.start()) {
            set = base;
        }
        &set.strings
    }

    /// Whether all kinds are known.
    pub(crate) fn check_known(&self) -> Result<(), Error> {
        match self.ids().zip(&self.store.records).find(|(_, record)| record.is_opaque) {
            None => Ok(()),
            Some((id, _)) => Err(Error::Definition {
                id,
                found: "of a kind that this version does not know".to_owned(),
                expected: "a known one, since what it refers to is to be changed",
            }),
        }
    }

    /// Whether a string may start there.
    pub(crate) fn has_string(&self, at: StrRef) -> bool {
        self.strings_of(at).contains(at)
    }

    /// Whether that is the string that starts there.
    pub(crate) fn string_is(&self, at: StrRef, string: &str) -> bool {
        self.strings_of(at).is(at, string)
    }

    /// The string that starts there, or as much of it as `max` bytes hold.
    pub(crate) fn string_prefix(&self, at: StrRef, max: usize) -> &str {
        self.strings_of(at).prefix(at, max)
    }

    /// Whether all strings are ASCII, so that one may start at any byte.
    pub(crate) fn is_ascii(&self) -> bool {
        std::iter::successors(Some(self), |set| set.base.as_deref()).all(|set| set.strings.is_ascii())
    }
}

/// Two sets are equal if they have the same types under the same ids and the same string table, on top of equal bases.
impl PartialEq for Btf {
    fn eq(&self, other: &Btf) -> bool {
        self.base == other.base
            && self.strings.section() == other.strings.section()
            && self.count() == other.count()
            && self.iter().zip(other.iter()).all(|(a, b)| a == b)
            && self.ids().all(|id| self.name_ref(id) == other.name_ref(id))
            && self.store.opaque == other.store.opaque
    }
}

impl Eq for Btf {}
