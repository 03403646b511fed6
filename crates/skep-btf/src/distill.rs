//! Distilled bases: what a split set needs to know of its base, so that it can be put on another one later.
//!
//! A kernel module that is built apart from the kernel brings a `.BTF.base` section: of the kernel's types that the
//! module's refer to, numbers whole, and of structs, unions and enumerations the name and size alone. When the module is
//! loaded, these are looked for in the kernel that is there.

use std::collections::HashSet;
use std::sync::Arc;

use crate::btf::Btf;
use crate::bytes::index;
use crate::dedup::IdMap;
use crate::error::Error;
use crate::types::{Composite, Enum, FwdKind, Type, TypeId};

/// A split set on another base.
#[derive(Debug, Clone)]
pub struct Rebased {
    /// The set. What belongs into `.BTF.base`, if the base is a distilled one, are the bytes of its
    /// [`base`](Btf::base).
    pub btf: Btf,
    /// Where the types are that the set had before, and those of its base that are there.
    pub map: IdMap,
}

impl Btf {
    /// Puts a split set on a distilled base: the types of its base that it refers to, as far as they are needed to find
    /// them in another one. Pointers, names, arrays, prototypes and what is anonymous become part of the split set.
    ///
    /// # Errors
    ///
    /// If the set has no base, or refers to something of it that is no type: a function, a variable, a section or a tag.
    pub fn distill(&self) -> Result<Rebased, Error> {
        let whole = self.base().ok_or_else(|| no_base(self))?;
        let (kept, moved) = needed(self, whole)?;

        let mut base = Btf::builder();
        let mut ids = vec![TypeId::VOID; index(self.count())];
        for &id in &kept {
            let name = whole.name(id);
            let new = match whole.ty(id) {
                Type::Struct(c) => base.push(name, Type::Struct(Composite { size: c.size, members: &[] })),
                Type::Union(c) => base.push(name, Type::Union(Composite { size: c.size, members: &[] })),
                Type::Enum(e) | Type::Enum64(e) => {
                    base.push(name, Type::Enum(Enum { size: e.size, signed: false, values: &[] }))
                }
                ty => base.push(name, ty),
            };
            ids[index(id.0) - 1] = new;
        }
        let base = Arc::new(base.build()?);
        self.put_on(base, &moved, ids)
    }

    /// Puts a split set on a distilled base onto a whole one, in which each type of the distilled base is looked for by
    /// its name. Sizes have to be equal where values of a type are part of others, or where several have the name.
    ///
    /// # Errors
    ///
    /// If the set has no base, or if a type is not there, or several are.
    pub fn relocate_onto(&self, base: Arc<Btf>) -> Result<Rebased, Error> {
        let distilled = self.base().ok_or_else(|| no_base(self))?;
        let embedded = embedded(self, distilled.count());
        let mut ids = vec![TypeId::VOID; index(self.count())];
        for id in (1..=distilled.count()).map(TypeId) {
            ids[index(id.0) - 1] = find(distilled, id, embedded.contains(&id), &base)?;
        }
        self.put_on(base, &[], ids)
    }

    /// The types of the set, and before them some of its base, on another base. `ids` tells where types of the old base are
    /// in the new one.
    fn put_on(&self, base: Arc<Btf>, moved: &[TypeId], mut ids: Vec<TypeId>) -> Result<Rebased, Error> {
        self.check_known()?;
        let own = || moved.iter().copied().chain(self.ids());
        for (old, new) in own().zip(base.count() + 1..) {
            ids[index(old.0) - 1] = TypeId(new);
        }
        let map = IdMap::new(ids);
        let mut types = Btf::builder_on(base);
        types.allow_long_lists();
        own().for_each(|id| _ = types.copy(self, id, |id| map.get(id)));
        Ok(Rebased { btf: types.build()?, map })
    }
}

fn no_base(btf: &Btf) -> Error {
    let found = "the first of a set without a base".to_owned();
    Error::Definition { id: TypeId(btf.count().min(1)), found, expected: "a set on top of another" }
}

/// The types of the base that are needed: those that are looked up by name, and those that have to be moved.
fn needed(btf: &Btf, base: &Btf) -> Result<(Vec<TypeId>, Vec<TypeId>), Error> {
    let mut seen = vec![false; index(base.count()) + 1];
    seen[0] = true;
    let mut todo = Vec::new();
    let mut refer = |ty: &Type<'_>, todo: &mut Vec<TypeId>| {
        ty.references(|to, _, _| {
            if let Some(seen) = seen.get_mut(index(to.0)).filter(|seen| !**seen) {
                *seen = true;
                todo.push(to);
            }
        });
    };
    btf.iter().for_each(|(_, ty)| refer(&ty, &mut todo));
    let (mut kept, mut moved) = (Vec::new(), Vec::new());
    while let Some(id) = todo.pop() {
        let ty = base.ty(id);
        let is_named = !base.name(id).is_empty();
        match ty {
            Type::Int(_) | Type::Float { .. } | Type::Fwd(_) => kept.push(id),
            Type::Struct(_) | Type::Union(_) | Type::Enum(_) | Type::Enum64(_) if is_named => kept.push(id),
            Type::Func(_) | Type::Var(_) | Type::Datasec(_) | Type::DeclTag(_) => {
                let found = ty.kind().map_or("void", crate::kind::Kind::name).to_owned();
                return Err(Error::Definition { id, found, expected: "something that a type is made of" });
            }
            _ => {
                moved.push(id);
                refer(&ty, &mut todo);
            }
        }
    }
    kept.sort_unstable();
    moved.sort_unstable();
    Ok((kept, moved))
}

/// The types of the base of which values are part of others, so that their sizes matter.
fn embedded(btf: &Btf, base: u32) -> HashSet<TypeId> {
    let mut seen = HashSet::new();
    let mut todo = Vec::new();
    for (_, ty) in btf.iter() {
        if matches!(ty, Type::Struct(_) | Type::Union(_) | Type::Array(_) | Type::Var(_)) {
            ty.references(|to, _, _| todo.push(to));
        }
    }
    while let Some(id) = todo.pop() {
        if seen.insert(id) {
            todo.extend(btf.ty(id).modified().filter(|_| id.0 > base));
        }
    }
    seen
}

/// The type of the base that the distilled one stands for.
fn find(distilled: &Btf, id: TypeId, is_embedded: bool, base: &Btf) -> Result<TypeId, Error> {
    let (ty, name) = (distilled.ty(id), distilled.name(id));
    let size = distilled.size_of(id);
    let mut found = Vec::new();
    for candidate in base.find_all(name) {
        let other = base.ty(candidate);
        let is_same_size = base.size_of(candidate) == size;
        let rank = match (ty, other) {
            (Type::Int(_) | Type::Float { .. } | Type::Fwd(_), _) if ty == other => 0,
            (Type::Fwd(FwdKind::Struct), Type::Struct(_)) | (Type::Fwd(FwdKind::Union), Type::Union(_)) => 1,
            (Type::Struct(_), Type::Struct(_)) | (Type::Union(_), Type::Union(_)) if is_same_size => 0,
            (Type::Struct(_), Type::Struct(_) | Type::Fwd(FwdKind::Struct)) if !is_embedded => 1,
            (Type::Union(_), Type::Union(_) | Type::Fwd(FwdKind::Union)) if !is_embedded => 1,
            (Type::Enum(_) | Type::Enum64(_), Type::Enum(_) | Type::Enum64(_)) if is_same_size => 0,
            _ => continue,
        };
        // A declaration is as good as nothing where there is a definition.
        let rank = if matches!(other, Type::Fwd(_)) && !matches!(ty, Type::Fwd(_)) { 2 } else { rank };
        found.push((rank, candidate));
    }
    found.sort_unstable();
    let best = found.iter().take_while(|(rank, _)| Some(rank) == found.first().map(|(rank, _)| rank));
    match (best.count(), found.first()) {
        (1, Some(&(_, candidate))) => Ok(candidate),
        (count, _) => {
            let kind = ty.kind().map_or("void", crate::kind::Kind::name);
            let of_size = size.map_or(String::new(), |size| format!(" of {size} bytes"));
            let count = if count == 0 { "none".to_owned() } else { count.to_string() };
            let found = format!("{kind} '{name}'{of_size}, of which the new base has {count}");
            Err(Error::Definition { id, found, expected: "one" })
        }
    }
}
