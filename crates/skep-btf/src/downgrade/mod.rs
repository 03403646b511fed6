//! Types as an older kernel takes them: what it does not know becomes what comes nearest.
//!
//! Ids stay what they are, since instructions and `.BTF.ext` speak of them; what is needed in addition comes behind the
//! last one. One pass is about kinds, one about names, one about the order of tags.

mod change;
mod kinds;
mod names;
mod places;
mod tags;

use std::collections::{HashMap, HashSet};

pub use change::{Change, What};
pub use places::Layout;

use crate::btf::Btf;
use crate::strings::Interner;
use crate::types::{Int, IntEncoding, StrRef, Type, TypeId};
use crate::verify::{KernelVersion, Rules};

impl Btf {
    /// The set as a kernel of that version takes it, under the same ids, and what was changed. Of a split set, that is
    /// about the types on top of the base.
    ///
    /// What no kernel takes, but compilers write, is changed as loaders do: names of pointers, signed characters, extern
    /// functions and variables, names that are no identifiers, unnamed parameters of functions. Sizes and offsets of data
    /// sections stay what they are: [`with_layout`](Btf::with_layout) fills them in from the object's symbols.
    ///
    /// ```
    /// use skep_btf::{Btf, Endian, KernelVersion, Rules, verify};
    ///
    /// let mut types = Btf::builder();
    /// types.float("double", 8);
    /// let (old, changes) = types.build()?.for_kernel(KernelVersion::new(5, 10));
    ///
    /// assert_eq!(changes[0].to_string(), "type [1] BTF_KIND_FLOAT 'double' becomes BTF_KIND_STRUCT");
    /// let rules = Rules::for_kernel(KernelVersion::new(5, 10));
    /// assert_eq!(verify(&old.to_bytes(Endian::HOST), &rules), Ok(()));
    /// # Ok::<(), skep_btf::Error>(())
    /// ```
    #[must_use]
    pub fn for_kernel(&self, version: KernelVersion) -> (Btf, Vec<Change>) {
        let mut downgrade = Downgrade::new(self, Rules::for_kernel(version));
        downgrade.kinds();
        downgrade.names();
        downgrade.tags();
        downgrade.changes.sort_by_key(|change| change.id);
        (downgrade.out, downgrade.changes)
    }
}

struct Downgrade<'a> {
    from: &'a Btf,
    rules: Rules,
    /// What is changed becomes so here.
    out: Btf,
    /// Made when the first string is needed.
    interner: Option<Interner>,
    changes: Vec<Change>,
    /// Integers behind the last type.
    ints: HashMap<Int, TypeId>,
    /// The types of functions, other than of function pointers.
    protos: HashSet<TypeId>,
}

impl<'a> Downgrade<'a> {
    fn new(from: &'a Btf, rules: Rules) -> Downgrade<'a> {
        let protos = from.iter().filter_map(|(_, ty)| match ty {
            Type::Func(func) => Some(func.proto),
            _ => None,
        });
        Downgrade {
            from,
            rules,
            out: from.clone(),
            interner: None,
            changes: Vec::new(),
            ints: HashMap::new(),
            protos: protos.collect(),
        }
    }

    fn put(&mut self, id: TypeId, name: StrRef, ty: &Type<'_>) {
        self.out.with_store(|store| store.replace(id, name, ty));
    }

    fn note(&mut self, id: TypeId, what: What) {
        let kind = self.from.kind(id);
        self.changes.push(Change { id, kind, name: self.from.name(id).into(), what });
    }

    /// The place of a string; of none, if the table is full.
    fn string(&mut self, string: &str) -> StrRef {
        let interner = self.interner.get_or_insert_with(|| Interner::new(&self.out));
        interner.intern(&mut self.out, string).unwrap_or(StrRef::EMPTY)
    }

    /// An integer behind the last type.
    fn int(&mut self, int: Int) -> TypeId {
        if let Some(&id) = self.ints.get(&int) {
            return id;
        }
        let name = self.string(match int.encoding {
            IntEncoding::Signed => "int",
            _ => "unsigned int",
        });
        let id = self.out.with_store(|store| store.push(name, &Type::Int(int))).unwrap_or_default();
        self.ints.insert(int, id);
        id
    }
}
