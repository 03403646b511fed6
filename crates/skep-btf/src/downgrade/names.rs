//! Names that a kernel takes: the second pass.

use super::{Downgrade, What};
use crate::kind::Kind;
use crate::mangle;
use crate::types::{Composite, Enum, Enumerator, FuncProto, Member, Param, StrRef, Type, TypeId};
use crate::verify::{ident_problem, section_problem};

/// How long a name may be for any kernel, in bytes.
const PORTABLE: usize = 127;

impl Downgrade<'_> {
    pub(super) fn names(&mut self) {
        for id in self.out.ids() {
            self.own_name(id);
            self.element_names(id);
        }
    }

    fn own_name(&mut self, id: TypeId) {
        let name = self.out.name_ref(id);
        let Some(kind) = self.out.kind(id).filter(|_| name != StrRef::EMPTY) else { return };
        let new = match kind {
            Kind::Int | Kind::Float | Kind::DeclTag | Kind::TypeTag => return,
            Kind::Ptr | Kind::Const | Kind::Volatile | Kind::Restrict | Kind::Array | Kind::FuncProto => {
                StrRef::EMPTY
            }
            Kind::Datasec => match self.section_name(name) {
                Some(name) => name,
                None => return,
            },
            Kind::Struct
            | Kind::Union
            | Kind::Enum
            | Kind::Enum64
            | Kind::Fwd
            | Kind::Typedef
            | Kind::Func
            | Kind::Var => match self.ident(name) {
                Some(name) => name,
                None => return,
            },
        };
        self.out.with_store(|store| store.rename(id, new));
        let what = if new == StrRef::EMPTY { What::NoName } else { What::Name(self.out.string(new).into()) };
        self.note(id, what);
    }

    fn element_names(&mut self, id: TypeId) {
        let mut wrong = 0;
        self.out.ty(id).names(|name, _, _| wrong += usize::from(self.is_wrong(name)));
        let is_named = self.protos.contains(&id);
        if let Type::FuncProto(proto) = self.out.ty(id)
            && is_named
        {
            wrong += proto.params.iter().filter(|param| is_unnamed(param)).count();
        }
        if wrong == 0 {
            return;
        }
        let name = self.out.name_ref(id);
        match self.out.ty(id) {
            Type::Struct(body) | Type::Union(body) => {
                let is_union = self.out.kind(id) == Some(Kind::Union);
                let (size, mut members) = (body.size, body.members.to_vec());
                members.iter_mut().for_each(|Member { name, .. }| *name = self.ident(*name).unwrap_or(*name));
                let body = Composite { size, members: &members };
                self.put(id, name, &if is_union { Type::Union(body) } else { Type::Struct(body) });
            }
            Type::Enum(e) | Type::Enum64(e) => {
                let is_wide = self.out.kind(id) == Some(Kind::Enum64);
                let (size, signed, mut values) = (e.size, e.signed, e.values.to_vec());
                values
                    .iter_mut()
                    .for_each(|Enumerator { name, .. }| *name = self.ident(*name).unwrap_or(*name));
                let e = Enum { size, signed, values: &values };
                self.put(id, name, &if is_wide { Type::Enum64(e) } else { Type::Enum(e) });
            }
            Type::FuncProto(proto) => {
                let (ret, mut params) = (proto.ret, proto.params.to_vec());
                for (param, number) in params.iter_mut().zip(0..) {
                    param.name = match self.ident(param.name) {
                        Some(name) => name,
                        None if is_named && is_unnamed(param) => self.string(&format!("arg{number}")),
                        None => param.name,
                    };
                }
                self.put(id, name, &Type::FuncProto(FuncProto { ret, params: &params }));
            }
            _ => {}
        }
        self.note(id, What::Elements(wrong));
    }

    /// Another name for what is no identifier; `None` if it may stay.
    fn ident(&mut self, name: StrRef) -> Option<StrRef> {
        if !self.is_wrong(name) {
            return None;
        }
        let name = self.out.string(name).to_owned();
        // What is too long, and right otherwise, keeps its beginning.
        let start = &name.as_bytes()[..name.len().min(PORTABLE)];
        let is_ident = name.is_ascii() && ident_problem(start, &self.rules).is_none();
        let mut new = if is_ident { name.clone() } else { mangle::encode(&name) };
        mangle::shorten(&mut new, &name, self.limit());
        Some(self.string(&new))
    }

    fn is_wrong(&self, name: StrRef) -> bool {
        if name == StrRef::EMPTY {
            return false;
        }
        let bytes = self.out.string_bytes(name);
        self.is_too_long(bytes) || !bytes.is_empty() && ident_problem(bytes, &self.rules).is_some()
    }

    fn section_name(&mut self, name: StrRef) -> Option<StrRef> {
        let bytes = self.out.string_bytes(name);
        if bytes.is_empty() || !self.is_too_long(bytes) && section_problem(bytes, &self.rules).is_none() {
            return None;
        }
        let name = self.out.string(name).to_owned();
        let portable = |c: char| match c {
            '/' => '.',
            c if c.is_ascii_alphanumeric() || matches!(c, '_' | '.') => c,
            _ => '_',
        };
        let mut new: String = name.chars().map(portable).collect();
        if new.starts_with(|c: char| c.is_ascii_digit()) {
            new.insert(0, '_');
        }
        mangle::shorten(&mut new, &name, self.limit());
        Some(self.string(&new))
    }

    /// Kernels that take short names only have not always taken the same.
    fn is_too_long(&self, name: &[u8]) -> bool {
        name.len() > PORTABLE && self.rules.name_limit() <= PORTABLE + 1
    }

    /// How long a new name may be, in bytes.
    fn limit(&self) -> usize {
        self.rules.name_limit() - 1
    }
}

/// A parameter that kernels do not take of a function, although they do of a function pointer.
fn is_unnamed(param: &Param) -> bool {
    param.name == StrRef::EMPTY && !param.ty.is_void()
}
