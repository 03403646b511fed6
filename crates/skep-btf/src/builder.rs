//! Making a set of types.

use std::any;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use crate::btf::Btf;
use crate::error::Error;
use crate::kind::Kind;
use crate::store::Store;
use crate::strings::{Interner, Strings};
use crate::table::{Folded, Table};
use crate::types::{
    Array, Composite, Datasec, DeclTag, Enum, Enumerator, Func, FuncProto, FwdKind, Int, IntEncoding,
    Linkage, Member, Param, SecVar, StrRef, Type, TypeId, TypeTag, Var,
};
use crate::{bytes, check, write};

/// Collects types and hands out their ids.
///
/// A string is stored once. A type that is already there with the same name gets the same id again, except for
/// variables, sections and structs made by [`declare`](BtfBuilder::declare). Mistakes are kept for
/// [`build`](BtfBuilder::build) to report, so that adding a type always yields an id.
///
/// ```
/// use skep_btf::{Btf, IntEncoding, Kind, Type};
///
/// let mut types = Btf::builder();
/// let node = types.declare(Kind::Struct, "node", 16);
/// let next = types.ptr(node);
/// let value = types.int("long", 8, IntEncoding::Signed);
/// let members = [types.member("value", value, 0), types.member("next", next, 64)];
/// types.define(node, &members);
/// let btf = types.build()?;
///
/// assert_eq!(btf.name(node), "node");
/// assert_eq!(btf.ty(node).members().map(|members| members.len()), Some(2));
/// # Ok::<(), skep_btf::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct BtfBuilder {
    btf: Btf,
    interner: Interner,
    /// The types that are found again, by name and type.
    known: Table,
    /// The structs of Rust types, by the type.
    pub(crate) rust_types: HashMap<any::TypeId, RustType, BuildHasherDefault<Folded>>,
    vlen_limit: u32,
    mistake: Option<Error>,
}

/// How far a Rust struct has come.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RustType {
    /// Its members are being added.
    Open,
    /// They are being added, and one has led back to the struct.
    Declared(TypeId),
    /// It is added.
    Done(TypeId),
}

/// What kernels up to 6.18 and all tools read.
const VLEN_LIMIT: u32 = 0xffff;
/// What the encoding of 2026 holds.
const WIDE_VLEN_LIMIT: u32 = 0x00ff_ffff;

impl Default for BtfBuilder {
    fn default() -> BtfBuilder {
        BtfBuilder::from(Btf::from_parts(None, Strings::new(), Store::small()))
    }
}

/// Goes on from a finished set, whose ids stay what they are. To make a set on top of it instead, see
/// [`Btf::builder_on`].
impl From<Btf> for BtfBuilder {
    fn from(btf: Btf) -> BtfBuilder {
        let interner = Interner::new(&btf);
        let mut known = Table::with_capacity(bytes::index(btf.count()));
        let types = btf.lineage().into_iter().flat_map(Btf::iter);
        for (id, ty) in types {
            let name = btf.name_ref(id);
            let hash = known.hash(&(name, ty));
            if is_found_again(&ty) && find(&known, &btf, hash, name, &ty).is_none() {
                known.insert(hash, id.0);
            }
        }
        let vlen_limit = if btf.iter().any(|(_, ty)| list_len(&ty) > bytes::index(VLEN_LIMIT)) {
            WIDE_VLEN_LIMIT
        } else {
            VLEN_LIMIT
        };
        BtfBuilder { btf, interner, known, rust_types: HashMap::default(), vlen_limit, mistake: None }
    }
}

impl BtfBuilder {
    /// The finished set.
    ///
    /// # Errors
    ///
    /// The first mistake: a list or a number that the encoding does not hold, a string with a zero byte in it, a
    /// reference to a type that has not been added.
    pub fn build(mut self) -> Result<Btf, Error> {
        let len = write::types_len(self.btf.store()).saturating_add(self.btf.strings().section().len());
        self.limit("bytes", u64::try_from(len).unwrap_or(u64::MAX), u32::MAX.into());
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        check::references(&self.btf, bytes::index(write::HEADER_LEN))?;
        Ok(self.btf)
    }

    /// Allows lists of more than 65 535 elements, which kernels up to 6.18 refuse.
    pub fn allow_long_lists(&mut self) {
        self.vlen_limit = WIDE_VLEN_LIMIT;
    }

    /// What has been added so far. References to what is still to come read as void.
    #[must_use]
    pub fn so_far(&self) -> &Btf {
        &self.btf
    }

    /// The place of a string, adding it if it is new.
    pub fn string(&mut self, string: &str) -> StrRef {
        if string.contains('\0') {
            self.mistake(|id| Error::Definition {
                id,
                found: format!("{string:?}"),
                expected: "a string without a zero byte",
            });
            return StrRef::EMPTY;
        }
        let at = self.interner.intern(&mut self.btf, string);
        at.unwrap_or_else(|| {
            self.limit("bytes of strings", u64::MAX, u32::MAX.into());
            StrRef::EMPTY
        })
    }

    /// Adds a type, or finds it.
    pub fn add(&mut self, name: &str, ty: Type<'_>) -> TypeId {
        let name = self.string(name);
        if !is_found_again(&ty) {
            return self.append(name, &ty);
        }
        let hash = self.known.hash(&(name, ty));
        if let Some(id) = find(&self.known, &self.btf, hash, name, &ty) {
            return id;
        }
        let id = self.append(name, &ty);
        if !id.is_void() {
            self.known.insert(hash, id.0);
        }
        id
    }

    /// Adds a type, also if it is there already.
    pub fn push(&mut self, name: &str, ty: Type<'_>) -> TypeId {
        let name = self.string(name);
        self.append(name, &ty)
    }

    /// Adds a type of another set, also if it is there already. `id` tells where what it refers to is.
    pub fn copy(&mut self, from: &Btf, at: TypeId, id: impl Fn(TypeId) -> TypeId) -> TypeId {
        let name = self.string(from.name(at));
        let ty = match from.ty(at) {
            Type::Struct(composite) => {
                let members = self.copied_members(from, composite.members, id);
                return self.append(name, &Type::Struct(Composite { members: &members, ..composite }));
            }
            Type::Union(composite) => {
                let members = self.copied_members(from, composite.members, id);
                return self.append(name, &Type::Union(Composite { members: &members, ..composite }));
            }
            Type::Enum(e) => {
                let values = self.copied_values(from, e.values);
                return self.append(name, &Type::Enum(Enum { values: &values, ..e }));
            }
            Type::Enum64(e) => {
                let values = self.copied_values(from, e.values);
                return self.append(name, &Type::Enum64(Enum { values: &values, ..e }));
            }
            Type::FuncProto(proto) => {
                let param =
                    |param: &Param| Param { name: self.string(from.string(param.name)), ty: id(param.ty) };
                let params: Vec<Param> = proto.params.iter().map(param).collect();
                return self
                    .append(name, &Type::FuncProto(FuncProto { ret: id(proto.ret), params: &params }));
            }
            Type::Datasec(section) => {
                let vars: Vec<SecVar> =
                    section.vars.iter().map(|var| SecVar { var: id(var.var), ..*var }).collect();
                return self.append(name, &Type::Datasec(Datasec { vars: &vars, ..section }));
            }
            Type::Ptr(ty) => Type::Ptr(id(ty)),
            Type::Typedef(ty) => Type::Typedef(id(ty)),
            Type::Volatile(ty) => Type::Volatile(id(ty)),
            Type::Const(ty) => Type::Const(id(ty)),
            Type::Restrict(ty) => Type::Restrict(id(ty)),
            Type::Array(array) => {
                Type::Array(Array { elem: id(array.elem), index: id(array.index), ..array })
            }
            Type::Func(func) => Type::Func(Func { proto: id(func.proto), ..func }),
            Type::Var(var) => Type::Var(Var { ty: id(var.ty), ..var }),
            Type::DeclTag(tag) => Type::DeclTag(DeclTag { target: id(tag.target), ..tag }),
            Type::TypeTag(tag) => Type::TypeTag(TypeTag { ty: id(tag.ty), ..tag }),
            ty @ (Type::Void | Type::Int(_) | Type::Fwd(_) | Type::Float { .. }) => ty,
        };
        self.append(name, &ty)
    }

    fn copied_members(&mut self, from: &Btf, list: &[Member], id: impl Fn(TypeId) -> TypeId) -> Vec<Member> {
        let copy = |m: &Member| Member { name: self.string(from.string(m.name)), ty: id(m.ty), ..*m };
        list.iter().map(copy).collect()
    }

    fn copied_values(&mut self, from: &Btf, list: &[Enumerator]) -> Vec<Enumerator> {
        list.iter().map(|v| Enumerator { name: self.string(from.string(v.name)), ..*v }).collect()
    }

    /// Adds an integer that uses all of its bits.
    pub fn int(&mut self, name: &str, size: u32, encoding: IntEncoding) -> TypeId {
        let bits = u8::try_from(size.saturating_mul(8)).unwrap_or(u8::MAX);
        self.add(name, Type::Int(Int { size, bits, offset: 0, encoding }))
    }

    /// Adds a pointer.
    pub fn ptr(&mut self, to: TypeId) -> TypeId {
        self.add("", Type::Ptr(to))
    }

    /// Adds an array.
    pub fn array(&mut self, elem: TypeId, index: TypeId, len: u32) -> TypeId {
        self.add("", Type::Array(Array { elem, index, len }))
    }

    /// Adds an array with the index type that compilers give it.
    pub fn array_of(&mut self, elem: TypeId, len: u32) -> TypeId {
        let index = self.int("__ARRAY_SIZE_TYPE__", 4, IntEncoding::Unsigned);
        self.array(elem, index, len)
    }

    /// Adds a struct. The size is in bytes.
    pub fn structure(&mut self, name: &str, size: u32, members: &[Member]) -> TypeId {
        self.add(name, Type::Struct(Composite { size, members }))
    }

    /// Adds a union. The size is in bytes.
    pub fn union(&mut self, name: &str, size: u32, members: &[Member]) -> TypeId {
        self.add(name, Type::Union(Composite { size, members }))
    }

    /// A member, which starts at that bit; for use in a struct or union.
    pub fn member(&mut self, name: &str, ty: TypeId, bit_offset: u32) -> Member {
        Member { name: self.string(name), ty, bit_offset, bitfield_size: 0 }
    }

    /// Adds a new struct or union (any other kind is made a struct) without members, so that they may refer to it.
    /// The size is in bytes.
    pub fn declare(&mut self, kind: Kind, name: &str, size: u32) -> TypeId {
        let name = self.string(name);
        let body = Composite { size, members: &[] };
        self.append(name, &if kind == Kind::Union { Type::Union(body) } else { Type::Struct(body) })
    }

    /// Gives a struct or union from [`declare`](BtfBuilder::declare) its members.
    pub fn define(&mut self, id: TypeId, members: &[Member]) {
        match self.btf.ty(id) {
            Type::Struct(composite) | Type::Union(composite) if composite.members.is_empty() => {
                self.check_members(members);
                self.btf.with_store(|store| store.define(id, members));
            }
            other => {
                let found = match other.kind() {
                    Some(Kind::Struct | Kind::Union) => "defined already".to_owned(),
                    kind => kind.map_or("void", Kind::name).to_owned(),
                };
                self.mistake.get_or_insert(Error::Definition {
                    id,
                    found,
                    expected: "a declared struct or union",
                });
            }
        }
    }

    /// Adds an enumeration: [`Type::Enum64`] if its size, in bytes, is 8, else [`Type::Enum`].
    pub fn enumeration(&mut self, name: &str, size: u32, signed: bool, values: &[Enumerator]) -> TypeId {
        let body = Enum { size, signed, values };
        self.add(name, if size == 8 { Type::Enum64(body) } else { Type::Enum(body) })
    }

    /// A constant; for use in an enumeration.
    pub fn enumerator(&mut self, name: &str, value: i64) -> Enumerator {
        Enumerator { name: self.string(name), value }
    }

    /// Adds a forward declaration.
    pub fn fwd(&mut self, name: &str, kind: FwdKind) -> TypeId {
        self.add(name, Type::Fwd(kind))
    }

    /// Adds a typedef.
    pub fn typedef(&mut self, name: &str, ty: TypeId) -> TypeId {
        self.add(name, Type::Typedef(ty))
    }

    /// Adds the type as a `volatile` one.
    pub fn volatile(&mut self, ty: TypeId) -> TypeId {
        self.add("", Type::Volatile(ty))
    }

    /// Adds the type as a `const` one.
    pub fn constant(&mut self, ty: TypeId) -> TypeId {
        self.add("", Type::Const(ty))
    }

    /// Adds the type as a `restrict` one.
    pub fn restrict(&mut self, ty: TypeId) -> TypeId {
        self.add("", Type::Restrict(ty))
    }

    /// Adds a floating-point type. The size is in bytes.
    pub fn float(&mut self, name: &str, size: u32) -> TypeId {
        self.add(name, Type::Float { size })
    }

    /// Adds a function.
    pub fn func(&mut self, name: &str, proto: TypeId, linkage: Linkage) -> TypeId {
        self.add(name, Type::Func(Func { proto, linkage }))
    }

    /// Adds the type of a function. [`Param::VARIADIC`] at the end makes it variadic.
    pub fn func_proto(&mut self, ret: TypeId, params: &[Param]) -> TypeId {
        self.add("", Type::FuncProto(FuncProto { ret, params }))
    }

    /// A parameter; for use in the type of a function.
    pub fn param(&mut self, name: &str, ty: TypeId) -> Param {
        Param { name: self.string(name), ty }
    }

    /// Adds a new variable.
    pub fn var(&mut self, name: &str, ty: TypeId, linkage: Linkage) -> TypeId {
        self.add(name, Type::Var(Var { ty, linkage }))
    }

    /// Adds a new data section. The size is in bytes.
    pub fn datasec(&mut self, name: &str, size: u32, vars: &[SecVar]) -> TypeId {
        self.add(name, Type::Datasec(Datasec { size, vars }))
    }

    /// Adds a tag to a declaration, or to one of its members or parameters.
    pub fn decl_tag(&mut self, text: &str, target: TypeId, component: Option<u32>) -> TypeId {
        self.add(text, Type::DeclTag(DeclTag { target, component, attribute: false }))
    }

    /// Adds the type with a tag.
    pub fn type_tag(&mut self, text: &str, ty: TypeId) -> TypeId {
        self.add(text, Type::TypeTag(TypeTag { ty, attribute: false }))
    }

    pub(crate) fn typedef_of_itself(&mut self, name: &str) {
        let found = format!("typedef `{name}`, which leads back to itself");
        self.mistake(|id| Error::Definition { id, found, expected: "a struct on the way" });
    }

    fn append(&mut self, name: StrRef, ty: &Type<'_>) -> TypeId {
        self.check_numbers(ty);
        let id = self.btf.with_store(|store| store.push(name, ty));
        // Void is no type of its own: it has its id already.
        id.unwrap_or(TypeId::VOID)
    }

    fn check_numbers(&mut self, ty: &Type<'_>) {
        let vlen_limit = self.vlen_limit.into();
        self.limit("elements", u64::try_from(list_len(ty)).unwrap_or(u64::MAX), vlen_limit);
        match *ty {
            Type::Struct(composite) | Type::Union(composite) => self.check_members(composite.members),
            Type::DeclTag(DeclTag { component: Some(index), .. }) => {
                self.limit("component index", index.into(), i32::MAX.cast_unsigned().into());
            }
            Type::Enum(e) => {
                for value in e.values {
                    let fits = if e.signed {
                        i32::try_from(value.value).is_ok()
                    } else {
                        u32::try_from(value.value).is_ok()
                    };
                    if !fits {
                        self.mistake(|id| Error::Definition {
                            id,
                            found: format!("an enumeration with the value {}", value.value),
                            expected: "values of 32 bits, or an enumeration of size 8",
                        });
                    }
                }
            }
            _ => {}
        }
    }

    fn check_members(&mut self, members: &[Member]) {
        let vlen_limit = self.vlen_limit.into();
        self.limit("elements", u64::try_from(members.len()).unwrap_or(u64::MAX), vlen_limit);
        if members.iter().any(|member| member.bitfield_size != 0) {
            let last = members.iter().map(|member| member.bit_offset).max().unwrap_or_default();
            self.limit("bit offset beside a bit-field", last.into(), 0x00ff_ffff);
        }
    }

    fn limit(&mut self, what: &'static str, found: u64, limit: u64) {
        if found > limit {
            self.mistake(|id| Error::Limit { id, what, found, limit });
        }
    }

    fn mistake(&mut self, error: impl FnOnce(TypeId) -> Error) {
        let id = TypeId(self.btf.count().saturating_add(1));
        self.mistake.get_or_insert_with(|| error(id));
    }
}

fn list_len(ty: &Type<'_>) -> usize {
    match ty {
        Type::Struct(composite) | Type::Union(composite) => composite.members.len(),
        Type::Enum(e) | Type::Enum64(e) => e.values.len(),
        Type::FuncProto(proto) => proto.params.len(),
        Type::Datasec(section) => section.vars.len(),
        _ => 0,
    }
}

/// Variables and sections are what they are, however alike.
fn is_found_again(ty: &Type<'_>) -> bool {
    !matches!(ty, Type::Var(_) | Type::Datasec(_))
}

fn find(known: &Table, btf: &Btf, hash: u32, name: StrRef, ty: &Type<'_>) -> Option<TypeId> {
    let is = |id| btf.name_ref(TypeId(id)) == name && btf.get(TypeId(id)).as_ref() == Some(ty);
    known.find(hash, is).map(TypeId)
}
