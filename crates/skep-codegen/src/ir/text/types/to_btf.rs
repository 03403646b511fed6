//! From definitions to BTF.

use skep_btf::{self as btf, BtfBuilder, IntEncoding, Kind, SecVar, TypeId};

use super::layout::{self, Layout};
use super::{BUILTIN, Body, Composite, Def, Expr, Needs, order};
use crate::ir::text::error::Fault;

/// Definitions that are in a set of types.
#[derive(Default)]
pub(in crate::ir::text) struct Defined {
    ids: Vec<TypeId>,
    layouts: Vec<Layout>,
}

impl Defined {
    /// Adds all definitions.
    pub(in crate::ir::text) fn add(types: &mut BtfBuilder, defs: &[Def]) -> Result<Defined, Fault> {
        let recursive = |at: usize| {
            let message =
                format!("'{}' contains itself; only pointers may lead back to a type", defs[at].label);
            Fault::new(&defs[at].at, message)
        };
        let layouts = layout::layouts(defs).map_err(recursive)?;
        let mut defined = Defined { ids: vec![TypeId::VOID; defs.len()], layouts };
        // Structs and unions may refer to each other: they come first, and get their members last.
        for (at, def) in defs.iter().enumerate() {
            if let Body::Composite(composite) = &def.body {
                let kind = if composite.union { Kind::Union } else { Kind::Struct };
                let size = u32::try_from(defined.layouts[at].size)
                    .map_err(|_| Fault::new(&def.at, format!("'{}' is larger than 4 GiB", def.label)))?;
                defined.ids[at] = types.declare(kind, &def.name, size);
            }
        }
        let is_composite = |at: usize| matches!(defs[at].body, Body::Composite(_));
        let order = order(defs.len(), |at, needed| {
            if !is_composite(at) {
                defs[at]
                    .body
                    .each_def(&mut |def, _: Needs| needed.extend((!is_composite(def)).then_some(def)));
            }
        });
        for at in order.map_err(recursive)? {
            if !is_composite(at) {
                defined.ids[at] = defined.other(types, &defs[at]);
            }
        }
        for (at, def) in defs.iter().enumerate() {
            if let Body::Composite(composite) = &def.body {
                let members = defined.members(types, def, composite)?;
                types.define(defined.ids[at], &members);
            }
        }
        Ok(defined)
    }

    /// The size of a type, in bytes.
    pub(in crate::ir::text) fn size(&self, ty: &Expr) -> u64 {
        layout::of(ty, &self.layouts).size
    }

    /// A type that is used.
    pub(in crate::ir::text) fn expr(&self, types: &mut BtfBuilder, ty: &Expr) -> TypeId {
        match ty {
            Expr::Void => TypeId::VOID,
            Expr::Builtin(row) => {
                let (_, name, size, encoding) = BUILTIN[*row];
                types.int(name, size, encoding)
            }
            Expr::Def(def) => self.ids.get(*def).copied().unwrap_or_default(),
            Expr::Ptr(of) => {
                let of = self.expr(types, of);
                types.ptr(of)
            }
            Expr::Const(of) => {
                let of = self.expr(types, of);
                types.constant(of)
            }
            Expr::Volatile(of) => {
                let of = self.expr(types, of);
                types.volatile(of)
            }
            Expr::Restrict(of) => {
                let of = self.expr(types, of);
                types.restrict(of)
            }
            Expr::Array { elem, len, index } => {
                let elem = self.expr(types, elem);
                let index = match index {
                    Some(index) => self.expr(types, index),
                    None => types.int("__ARRAY_SIZE_TYPE__", 4, IntEncoding::Unsigned),
                };
                types.array(elem, index, *len)
            }
            Expr::Tag { text, attribute, of } => {
                let ty = self.expr(types, of);
                types.add(text, btf::Type::TypeTag(btf::TypeTag { ty, attribute: *attribute }))
            }
            Expr::Proto { ret, params } => {
                let ret = self.expr(types, ret);
                let mut list = Vec::with_capacity(params.len());
                for (name, ty) in params {
                    let ty = self.expr(types, ty);
                    list.push(types.param(name, ty));
                }
                types.func_proto(ret, &list)
            }
        }
    }

    /// What is no struct and no union.
    fn other(&self, types: &mut BtfBuilder, def: &Def) -> TypeId {
        let name = &def.name;
        match &def.body {
            Body::Same(ty) => self.expr(types, ty),
            Body::Int(int) => types.add(name, btf::Type::Int(*int)),
            Body::Composite(_) => TypeId::VOID,
            Body::Enum { wide, size, signed, values } => {
                let values: Vec<_> =
                    values.iter().map(|(name, value)| types.enumerator(name, *value)).collect();
                let body = btf::Enum { size: *size, signed: *signed, values: &values };
                types.add(name, if *wide { btf::Type::Enum64(body) } else { btf::Type::Enum(body) })
            }
            Body::Fwd(kind) => types.fwd(name, *kind),
            Body::Typedef(ty) => {
                let ty = self.expr(types, ty);
                types.typedef(name, ty)
            }
            Body::Float(size) => types.float(name, *size),
            Body::Func { proto, linkage } => {
                let proto = self.expr(types, proto);
                types.func(name, proto, *linkage)
            }
            Body::Var { ty, linkage } => {
                let ty = self.expr(types, ty);
                types.var(name, ty, *linkage)
            }
            Body::Datasec { size, vars } => {
                let mut list = Vec::with_capacity(vars.len());
                for (ty, offset, size) in vars {
                    list.push(SecVar { var: self.expr(types, ty), offset: *offset, size: *size });
                }
                types.datasec(name, *size, &list)
            }
            Body::DeclTag { target, component, attribute } => {
                let target = self.expr(types, target);
                let tag = btf::DeclTag { target, component: *component, attribute: *attribute };
                types.add(name, btf::Type::DeclTag(tag))
            }
        }
    }

    fn members(
        &self,
        types: &mut BtfBuilder,
        def: &Def,
        composite: &Composite,
    ) -> Result<Vec<btf::Member>, Fault> {
        let (natural, _) = layout::members(composite, &self.layouts);
        let mut members = Vec::with_capacity(natural.len());
        for (member, natural) in composite.members.iter().zip(natural) {
            let bit_offset = member.at.or(u32::try_from(natural).ok()).ok_or_else(|| {
                Fault::new(
                    &def.at,
                    format!("member '{}' of '{}' lies behind 512 MiB", member.name, def.label),
                )
            })?;
            let ty = self.expr(types, &member.ty);
            members.push(btf::Member {
                bitfield_size: member.bits,
                ..types.member(&member.name, ty, bit_offset)
            });
        }
        Ok(members)
    }
}
