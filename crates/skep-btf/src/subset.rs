//! A part of a set that stands for itself.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use crate::btf::Btf;
use crate::bytes::{index, word};
use crate::kind::Kind;
use crate::store::{Record, Store, list};
use crate::strings::Strings;
use crate::table::Folded;
use crate::types::{StrRef, Type, TypeId};

impl Btf {
    /// The set of these types, of what they refer to, and of the tags on any of them; and for each type of this set its
    /// id there, void for those that are left out. The order stays. Of a set on top of another one, the base counts as a
    /// part of it.
    ///
    /// ```
    /// use skep_btf::{Btf, IntEncoding, Kind};
    ///
    /// let mut types = Btf::builder();
    /// let int = types.int("int", 4, IntEncoding::Signed);
    /// types.typedef("left_out", int);
    /// let kept = types.typedef("kept", int);
    /// let (part, ids) = types.build()?.subset([kept]);
    /// assert_eq!(part.count(), 2);
    /// assert_eq!(ids[kept.0 as usize], part.find_by_name(Kind::Typedef, "kept").expect("it was asked for"));
    /// # Ok::<(), skep_btf::Error>(())
    /// ```
    #[must_use]
    pub fn subset(&self, roots: impl IntoIterator<Item = TypeId>) -> (Btf, Vec<TypeId>) {
        if self.base().is_some() {
            return self.flatten().subset(roots);
        }
        let kept = self.closure(roots);
        let mut ids = vec![TypeId::VOID; kept.len()];
        let places = ids.iter_mut().zip(&kept).filter(|(_, kept)| **kept).map(|(id, _)| id);
        places.zip(1..).for_each(|(id, new)| *id = TypeId(new));
        let mut part = Part {
            from: self,
            ids: &ids,
            store: Store::default(),
            section: vec![0],
            strings: HashMap::default(),
        };
        for (id, _) in self.ids().zip(&kept[1..]).filter(|(_, kept)| **kept) {
            part.copy(id);
        }
        let part = Btf::from_parts(None, Strings::from_section(0, &part.section), part.store);
        (part, ids)
    }

    /// By id, whether the type is one of these, or something that they lead to, or a tag on either; void, the first
    /// one, is not.
    fn closure(&self, roots: impl IntoIterator<Item = TypeId>) -> Vec<bool> {
        let mut kept = vec![false; index(self.count()) + 1];
        let mut open: Vec<TypeId> = Vec::new();
        // A type of an unknown kind cannot be part of another set, since nobody knows what it refers to.
        let is_opaque = |id: TypeId| self.store().record(id).is_some_and(|record| record.is_opaque);
        let reach = |id: TypeId, kept: &mut Vec<bool>, open: &mut Vec<TypeId>| {
            if let Some(place) =
                kept.get_mut(index(id.0)).filter(|kept| !id.is_void() && !**kept && !is_opaque(id))
            {
                *place = true;
                open.push(id);
            }
        };
        roots.into_iter().for_each(|id| reach(id, &mut kept, &mut open));
        while let Some(id) = open.pop() {
            self.ty(id).references(|to, _, _| reach(to, &mut kept, &mut open));
        }
        // A tag refers to nothing but what it is put on.
        for (id, ty) in self.iter() {
            if let Type::DeclTag(tag) = ty {
                kept[index(id.0)] |= kept[index(tag.target.0)];
            }
        }
        kept
    }
}

/// A part in the making.
struct Part<'a> {
    from: &'a Btf,
    ids: &'a [TypeId],
    store: Store,
    section: Vec<u8>,
    strings: HashMap<StrRef, StrRef, BuildHasherDefault<Folded>>,
}

impl Part<'_> {
    fn copy(&mut self, id: TypeId) {
        let from = self.from;
        let Some(&(mut record)) = from.store().record(id) else { return };
        record.name = self.string(record.name);
        match record.kind {
            Kind::Ptr
            | Kind::Typedef
            | Kind::Volatile
            | Kind::Const
            | Kind::Restrict
            | Kind::TypeTag
            | Kind::DeclTag
            | Kind::Func
            | Kind::Var => record.arg = self.id(record.arg),
            Kind::Array => (record.arg, record.a) = (self.id(record.arg), self.id(record.a)),
            Kind::Struct | Kind::Union => {
                let mut list = list(&from.store().members, &record).to_vec();
                list.iter_mut().for_each(|m| (m.name, m.ty) = (self.string(m.name), self.ty(m.ty)));
                append(&mut self.store.members, &list, &mut record);
            }
            Kind::Enum | Kind::Enum64 => {
                let mut list = list(&from.store().enumerators, &record).to_vec();
                list.iter_mut().for_each(|e| e.name = self.string(e.name));
                append(&mut self.store.enumerators, &list, &mut record);
            }
            Kind::FuncProto => {
                record.arg = self.id(record.arg);
                let mut list = list(&from.store().params, &record).to_vec();
                list.iter_mut().for_each(|p| (p.name, p.ty) = (self.string(p.name), self.ty(p.ty)));
                append(&mut self.store.params, &list, &mut record);
            }
            Kind::Datasec => {
                let mut list = list(&from.store().vars, &record).to_vec();
                list.iter_mut().for_each(|v| v.var = self.ty(v.var));
                append(&mut self.store.vars, &list, &mut record);
            }
            Kind::Int | Kind::Float | Kind::Fwd => {}
        }
        self.store.records.push(record);
    }

    fn id(&self, id: u32) -> u32 {
        self.ty(TypeId(id)).0
    }

    fn ty(&self, id: TypeId) -> TypeId {
        self.ids.get(index(id.0)).copied().unwrap_or(TypeId::VOID)
    }

    /// The string's place in the part, which has no more bytes of them than the whole.
    fn string(&mut self, at: StrRef) -> StrRef {
        if at == StrRef::EMPTY {
            return at;
        }
        let (from, section) = (self.from, &mut self.section);
        *self.strings.entry(at).or_insert_with(|| {
            let new = StrRef(word(section.len()));
            section.extend_from_slice(from.string_bytes(at));
            section.push(0);
            new
        })
    }
}

fn append<T: Copy>(pool: &mut Vec<T>, list: &[T], record: &mut Record) {
    record.a = word(pool.len());
    pool.extend_from_slice(list);
}
