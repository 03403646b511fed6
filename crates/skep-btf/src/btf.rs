//! A set of types, and how to look things up in it.

use std::sync::OnceLock;

use crate::builder::BtfBuilder;
use crate::bytes::Endian;
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
#[derive(Debug, Clone)]
pub struct Btf {
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
        parse::btf(bytes)
    }

    /// Starts a new set.
    #[must_use]
    pub fn builder() -> BtfBuilder {
        BtfBuilder::default()
    }

    /// Writes a `.BTF` section.
    #[must_use]
    pub fn to_bytes(&self, endian: Endian) -> Vec<u8> {
        write::btf(self, endian)
    }

    /// How many types there are. Their ids are 1 up to this number.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.store.count()
    }

    /// The ids of all types, in order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = TypeId> + use<> {
        (1..=self.count()).map(TypeId)
    }

    /// All types, in order.
    pub fn iter(&self) -> impl Iterator<Item = (TypeId, Type<'_>)> {
        self.store.records.iter().zip(1..).map(|(record, id)| (TypeId(id), self.store.view(record)))
    }

    /// The type of that id; `None` if the set has none.
    #[must_use]
    pub fn get(&self, id: TypeId) -> Option<Type<'_>> {
        self.store.ty(id)
    }

    /// The type of that id; void if the set has none.
    #[must_use]
    pub fn ty(&self, id: TypeId) -> Type<'_> {
        self.get(id).unwrap_or(Type::Void)
    }

    /// The kind of a type; `None` for void.
    #[must_use]
    pub fn kind(&self, id: TypeId) -> Option<Kind> {
        self.store.record(id).map(|record| record.kind)
    }

    /// The name of a type; empty for an anonymous one.
    #[must_use]
    pub fn name(&self, id: TypeId) -> &str {
        self.string(self.name_ref(id))
    }

    /// Where the name of a type is.
    #[must_use]
    pub fn name_ref(&self, id: TypeId) -> StrRef {
        self.store.record(id).map_or(StrRef::EMPTY, |record| record.name)
    }

    /// A string of the table. A byte that is not UTF-8 reads as `?`.
    #[must_use]
    pub fn string(&self, at: StrRef) -> &str {
        self.get_string(at).unwrap_or_default()
    }

    /// A string of the table, as [`string`](Btf::string) gives it; `None` outside of the table and inside a character.
    #[must_use]
    pub fn get_string(&self, at: StrRef) -> Option<&str> {
        self.strings.get(at)
    }

    /// The bytes of a string of the table, as they are encoded.
    #[must_use]
    pub fn string_bytes(&self, at: StrRef) -> &[u8] {
        self.strings.bytes(at).unwrap_or_default()
    }

    /// The first type of that kind and name. The first call indexes the set.
    #[must_use]
    pub fn find_by_name(&self, kind: Kind, name: &str) -> Option<TypeId> {
        self.find_all(name).find(|&id| self.kind(id) == Some(kind))
    }

    /// Every type of that name, of any kind, in order. The first call indexes the set.
    pub fn find_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = TypeId> + 'a {
        self.names.get_or_init(|| NameIndex::new(self)).find(self, name)
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
    /// If `id` is not a data section, or a variable not a type of this set.
    pub fn set_datasec(&mut self, id: TypeId, size: u32, vars: &[SecVar]) -> Result<(), Error> {
        let wrong =
            |id, found: &str, expected| Err(Error::Definition { id, found: found.to_owned(), expected });
        if self.kind(id) != Some(Kind::Datasec) {
            return wrong(id, self.kind(id).map_or("void", Kind::name), Kind::Datasec.name());
        }
        if let Some(var) = vars.iter().find(|var| !check::is_known(self, var.var)) {
            return wrong(var.var, "no type of the set", "a variable");
        }
        self.store.set_datasec(id, size, vars);
        Ok(())
    }

    /// How many bytes of memory the set holds, without its index of names.
    #[must_use]
    pub fn footprint(&self) -> usize {
        self.store.footprint() + self.strings.footprint()
    }

    pub(crate) fn from_parts(strings: Strings, store: Store) -> Btf {
        Btf { strings, store, names: OnceLock::new() }
    }

    /// For the builder, which only ever adds.
    pub(crate) fn with_strings<T>(&mut self, edit: impl FnOnce(&mut Strings) -> T) -> T {
        edit(&mut self.strings)
    }

    /// For the builder; whatever is changed, the index of names starts anew.
    pub(crate) fn with_store<T>(&mut self, edit: impl FnOnce(&mut Store) -> T) -> T {
        self.names.take();
        edit(&mut self.store)
    }

    pub(crate) fn strings(&self) -> &Strings {
        &self.strings
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }
}

/// Two sets are equal if they have the same types under the same ids and the same string table.
impl PartialEq for Btf {
    fn eq(&self, other: &Btf) -> bool {
        self.strings.section() == other.strings.section()
            && self.count() == other.count()
            && self.iter().zip(other.iter()).all(|(a, b)| a == b)
            && self.ids().all(|id| self.name_ref(id) == other.name_ref(id))
    }
}

impl Eq for Btf {}
