//! How the types of a set are kept: one small record each, and one pool for each sort of list.

use crate::bytes::{index, word};
use crate::kind::Kind;
use crate::opaque::Lengths;
use crate::types::{
    Array, Composite, Datasec, DeclTag, Enum, Enumerator, Func, FuncProto, FwdKind, Int, IntEncoding,
    Linkage, Member, Param, SecVar, StrRef, Type, TypeId, TypeTag, Var,
};

/// The types of a set, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Store {
    /// How many types the sets that this one is on top of have: the id before the first one here.
    pub(crate) base: u32,
    pub(crate) records: Vec<Record>,
    pub(crate) members: Vec<Member>,
    pub(crate) enumerators: Vec<Enumerator>,
    pub(crate) params: Vec<Param>,
    pub(crate) vars: Vec<SecVar>,
    /// The words of types of unknown kinds, but for their names and third words.
    pub(crate) opaque: Vec<u32>,
    /// How long those types are.
    pub(crate) lengths: Lengths,
}

/// A type, as close to its encoding as lookup allows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record {
    pub(crate) name: StrRef,
    /// Of a type of an unknown kind, any.
    pub(crate) kind: Kind,
    /// Whether the kind is unknown. The list is its words then.
    pub(crate) is_opaque: bool,
    /// `kind_flag`; for a struct or union it follows from the members.
    pub(crate) flag: bool,
    /// `size_or_type`; for an array, the element type.
    pub(crate) arg: u32,
    /// By kind: where the list starts in its pool; INT: its word; ARRAY: the index type; FUNC, VAR: the linkage;
    /// DECL_TAG: the component index.
    pub(crate) a: u32,
    /// By kind: the length of the list; ARRAY: the number of elements.
    pub(crate) b: u32,
}

/// The word of an INT.
pub(crate) fn int_word(int: Int) -> u32 {
    (int.encoding as u32) << 24 | u32::from(int.offset) << 16 | u32::from(int.bits)
}

impl Store {
    /// Room for the types of a small set.
    pub(crate) fn small() -> Store {
        Store { records: Vec::with_capacity(32), ..Store::default() }
    }

    /// For types on top of that many others.
    pub(crate) fn on(base: u32) -> Store {
        Store { base, ..Store::small() }
    }

    /// The last id.
    pub(crate) fn count(&self) -> u32 {
        self.base.saturating_add(word(self.records.len()))
    }

    pub(crate) fn record(&self, id: TypeId) -> Option<&Record> {
        self.records.get(self.place(id)?)
    }

    pub(crate) fn record_mut(&mut self, id: TypeId) -> Option<&mut Record> {
        let place = self.place(id)?;
        self.records.get_mut(place)
    }

    /// The record's place; none for void and the types of a base.
    fn place(&self, id: TypeId) -> Option<usize> {
        id.0.checked_sub(self.base)?.checked_sub(1).map(index)
    }

    pub(crate) fn ty(&self, id: TypeId) -> Option<Type<'_>> {
        if id.is_void() { Some(Type::Void) } else { self.record(id).map(|record| self.view(record)) }
    }

    pub(crate) fn view(&self, record: &Record) -> Type<'_> {
        let &Record { kind, is_opaque, flag, arg, a, b, .. } = record;
        if is_opaque {
            return Type::Void;
        }
        let ty = TypeId(arg);
        match kind {
            Kind::Int => {
                let [bits, _, offset, encoding] = a.to_le_bytes();
                let encoding = IntEncoding::from_number(encoding.into()).unwrap_or(IntEncoding::Unsigned);
                Type::Int(Int { size: arg, bits, offset, encoding })
            }
            Kind::Ptr => Type::Ptr(ty),
            Kind::Array => Type::Array(Array { elem: ty, index: TypeId(a), len: b }),
            Kind::Struct => Type::Struct(Composite { size: arg, members: list(&self.members, record) }),
            Kind::Union => Type::Union(Composite { size: arg, members: list(&self.members, record) }),
            Kind::Enum => {
                Type::Enum(Enum { size: arg, signed: flag, values: list(&self.enumerators, record) })
            }
            Kind::Enum64 => {
                Type::Enum64(Enum { size: arg, signed: flag, values: list(&self.enumerators, record) })
            }
            Kind::Fwd => Type::Fwd(if flag { FwdKind::Union } else { FwdKind::Struct }),
            Kind::Typedef => Type::Typedef(ty),
            Kind::Volatile => Type::Volatile(ty),
            Kind::Const => Type::Const(ty),
            Kind::Restrict => Type::Restrict(ty),
            Kind::Func => Type::Func(Func { proto: ty, linkage: linkage(a) }),
            Kind::FuncProto => Type::FuncProto(FuncProto { ret: ty, params: list(&self.params, record) }),
            Kind::Var => Type::Var(Var { ty, linkage: linkage(a) }),
            Kind::Datasec => Type::Datasec(Datasec { size: arg, vars: list(&self.vars, record) }),
            Kind::Float => Type::Float { size: arg },
            Kind::DeclTag => {
                let component = (a != u32::MAX).then_some(a);
                Type::DeclTag(DeclTag { target: ty, component, attribute: flag })
            }
            Kind::TypeTag => Type::TypeTag(TypeTag { ty, attribute: flag }),
        }
    }

    /// Appends the type, copying its list. Void is no type of a set: `None`.
    pub(crate) fn push(&mut self, name: StrRef, ty: &Type<'_>) -> Option<TypeId> {
        let record = self.encode(name, ty)?;
        self.records.push(record);
        Some(TypeId(self.count()))
    }

    fn encode(&mut self, name: StrRef, ty: &Type<'_>) -> Option<Record> {
        let mut record = Record { name, kind: ty.kind()?, is_opaque: false, flag: false, arg: 0, a: 0, b: 0 };
        match *ty {
            Type::Void => return None,
            Type::Int(int) => (record.arg, record.a) = (int.size, int_word(int)),
            Type::Ptr(ty) | Type::Typedef(ty) | Type::Volatile(ty) | Type::Const(ty) | Type::Restrict(ty) => {
                record.arg = ty.0;
            }
            Type::Array(array) => (record.arg, record.a, record.b) = (array.elem.0, array.index.0, array.len),
            Type::Struct(composite) | Type::Union(composite) => {
                record.arg = composite.size;
                self.set_members(&mut record, composite.members);
            }
            Type::Enum(e) | Type::Enum64(e) => {
                (record.arg, record.flag) = (e.size, e.signed);
                (record.a, record.b) = append(&mut self.enumerators, e.values);
            }
            Type::Fwd(kind) => record.flag = kind == FwdKind::Union,
            Type::Func(func) => (record.arg, record.a) = (func.proto.0, func.linkage as u32),
            Type::FuncProto(proto) => {
                record.arg = proto.ret.0;
                (record.a, record.b) = append(&mut self.params, proto.params);
            }
            Type::Var(var) => (record.arg, record.a) = (var.ty.0, var.linkage as u32),
            Type::Datasec(section) => {
                record.arg = section.size;
                (record.a, record.b) = append(&mut self.vars, section.vars);
            }
            Type::Float { size } => record.arg = size,
            Type::DeclTag(tag) => {
                (record.arg, record.flag) = (tag.target.0, tag.attribute);
                record.a = tag.component.unwrap_or(u32::MAX);
            }
            Type::TypeTag(tag) => (record.arg, record.flag) = (tag.ty.0, tag.attribute),
        }
        Some(record)
    }

    /// Puts a type in the place of another, copying its list; void replaces nothing.
    pub(crate) fn replace(&mut self, id: TypeId, name: StrRef, ty: &Type<'_>) {
        if let Some(record) = self.encode(name, ty)
            && let Some(place) = self.record_mut(id)
        {
            *place = record;
        }
    }

    /// Calls a type otherwise.
    pub(crate) fn rename(&mut self, id: TypeId, name: StrRef) {
        if let Some(record) = self.record_mut(id) {
            record.name = name;
        }
    }

    /// Appends the types of a store whose first one follows the last one here.
    pub(crate) fn append(&mut self, other: &Store) {
        for record in &other.records {
            if record.is_opaque {
                let (a, b) = append(&mut self.opaque, other.words(record));
                self.records.push(Record { a, b, ..*record });
            } else {
                self.push(record.name, &other.view(record));
            }
        }
        self.lengths.join(&other.lengths);
    }

    /// The words of a type of an unknown kind.
    pub(crate) fn words(&self, record: &Record) -> &[u32] {
        list(&self.opaque, record)
    }

    /// Gives the struct or union its members.
    pub(crate) fn define(&mut self, id: TypeId, members: &[Member]) {
        if let Some(&(mut record)) = self.record(id) {
            self.set_members(&mut record, members);
            if let Some(place) = self.record_mut(id) {
                *place = record;
            }
        }
    }

    /// Gives the data section its size and variables; they replace the ones it had, so that this may be done often.
    pub(crate) fn set_datasec(&mut self, id: TypeId, size: u32, vars: &[SecVar]) {
        let Some(&(mut record)) = self.record(id) else { return };
        let start = index(record.a);
        match self.vars.get_mut(start..start.saturating_add(index(record.b))) {
            Some(old) if old.len() == vars.len() => old.copy_from_slice(vars),
            _ => (record.a, record.b) = append(&mut self.vars, vars),
        }
        record.arg = size;
        if let Some(place) = self.record_mut(id) {
            *place = record;
        }
    }

    fn set_members(&mut self, record: &mut Record, members: &[Member]) {
        (record.a, record.b) = append(&mut self.members, members);
        record.flag = members.iter().any(|member| member.bitfield_size != 0);
    }

    /// In bytes.
    pub(crate) fn footprint(&self) -> usize {
        self.records.capacity() * size_of::<Record>()
            + self.members.capacity() * size_of::<Member>()
            + self.enumerators.capacity() * size_of::<Enumerator>()
            + self.params.capacity() * size_of::<Param>()
            + self.vars.capacity() * size_of::<SecVar>()
            + self.opaque.capacity() * size_of::<u32>()
    }
}

/// The record's list in its pool.
pub(crate) fn list<'a, T>(pool: &'a [T], record: &Record) -> &'a [T] {
    let start = index(record.a);
    start.checked_add(index(record.b)).and_then(|end| pool.get(start..end)).unwrap_or_default()
}

/// Where the list starts in the pool, and its length.
fn append<T: Copy>(pool: &mut Vec<T>, list: &[T]) -> (u32, u32) {
    let start = word(pool.len());
    pool.extend_from_slice(list);
    (start, word(list.len()))
}

fn linkage(number: u32) -> Linkage {
    Linkage::from_number(number).unwrap_or(Linkage::Static)
}
