//! From BTF to definitions.

use skep_btf::maps::{MapDecl, Part, Values};
use skep_btf::{self as btf, Btf, Kind, TypeId};

use super::layout::{self, Layout};
use super::{Body, Composite, Def, Expr, Member, builtin, order};
use crate::ir::text::lex::is_plain;
use crate::ir::{Extern, Module, SymbolKind};

/// How many pointers, arrays and so on are written at one place before some of them get labels.
const WEIGHT: u32 = 48;

/// The types of a module as the text shows them.
pub(in crate::ir::text) struct Types<'a> {
    btf: &'a Btf,
    /// By type: its definition.
    places: Vec<Option<usize>>,
    pub(in crate::ir::text) defs: Vec<Def>,
    layouts: Vec<Layout>,
}

impl<'a> Types<'a> {
    pub(in crate::ir::text) fn new(module: &'a Module) -> Types<'a> {
        let btf = module.types.so_far();
        let mut types = Types { btf, places: Vec::new(), defs: Vec::new(), layouts: Vec::new() };
        let defined = defined(module, btf);
        types.places = vec![None; defined.len()];
        let ids = in_order(btf, &defined);
        for (place, &id) in ids.iter().enumerate() {
            types.places[id.0 as usize] = Some(place);
        }
        let labels = labels(btf, &ids);
        for (&id, label) in ids.iter().zip(labels) {
            let def = Def { label, name: btf.name(id).to_owned(), body: types.body(id), at: 0..0 };
            types.defs.push(def);
        }
        // Types that contain themselves have no layout, and are told in full.
        types.layouts = layout::layouts(&types.defs).unwrap_or_default();
        types.leave_out_what_is_natural();
        types
    }

    /// A type where it is used.
    pub(in crate::ir::text) fn expr(&self, id: TypeId) -> Expr {
        match self.places.get(id.0 as usize).copied().flatten() {
            Some(place) => Expr::Def(place),
            None => self.anonymous(id),
        }
    }

    /// The size of a type as the text has it, in bytes.
    pub(in crate::ir::text) fn size(&self, ty: &Expr) -> u64 {
        layout::of(ty, &self.layouts).size
    }

    /// A type without a label.
    fn anonymous(&self, id: TypeId) -> Expr {
        let boxed = |id| Box::new(self.expr(id));
        match self.btf.ty(id) {
            btf::Type::Int(int) => builtin(self.btf.name(id), int).map_or(Expr::Void, Expr::Builtin),
            btf::Type::Ptr(of) => Expr::Ptr(boxed(of)),
            btf::Type::Const(of) => Expr::Const(boxed(of)),
            btf::Type::Volatile(of) => Expr::Volatile(boxed(of)),
            btf::Type::Restrict(of) => Expr::Restrict(boxed(of)),
            btf::Type::Array(array) => {
                let index = boxed(array.index);
                let usual = index.is_usual_index();
                Expr::Array { elem: boxed(array.elem), len: array.len, index: (!usual).then_some(index) }
            }
            btf::Type::TypeTag(tag) => {
                Expr::Tag { text: self.btf.name(id).to_owned(), attribute: tag.attribute, of: boxed(tag.ty) }
            }
            btf::Type::FuncProto(proto) => {
                let param =
                    |param: &btf::Param| (self.btf.string(param.name).to_owned(), self.expr(param.ty));
                Expr::Proto { ret: boxed(proto.ret), params: proto.params.iter().map(param).collect() }
            }
            // All others are defined.
            _ => Expr::Void,
        }
    }

    fn body(&self, id: TypeId) -> Body {
        match self.btf.ty(id) {
            btf::Type::Int(int) if builtin(self.btf.name(id), int).is_none() => Body::Int(int),
            btf::Type::Struct(body) => self.composite(false, body),
            btf::Type::Union(body) => self.composite(true, body),
            btf::Type::Enum(body) => self.enumeration(false, body),
            btf::Type::Enum64(body) => self.enumeration(true, body),
            btf::Type::Fwd(kind) => Body::Fwd(kind),
            btf::Type::Typedef(of) => Body::Typedef(self.expr(of)),
            btf::Type::Float { size } => Body::Float(size),
            btf::Type::Func(func) => Body::Func { proto: self.expr(func.proto), linkage: func.linkage },
            btf::Type::Var(var) => Body::Var { ty: self.expr(var.ty), linkage: var.linkage },
            btf::Type::Datasec(section) => Body::Datasec {
                size: section.size,
                vars: section.vars.iter().map(|var| (self.expr(var.var), var.offset, var.size)).collect(),
            },
            btf::Type::DeclTag(tag) => Body::DeclTag {
                target: self.expr(tag.target),
                component: tag.component,
                attribute: tag.attribute,
            },
            _ => Body::Same(self.anonymous(id)),
        }
    }

    fn composite(&self, union: bool, body: btf::Composite<'_>) -> Body {
        let member = |member: &btf::Member| Member {
            name: self.btf.string(member.name).to_owned(),
            ty: self.expr(member.ty),
            at: Some(member.bit_offset),
            bits: member.bitfield_size,
        };
        let members = body.members.iter().map(member).collect();
        Body::Composite(Composite { union, size: Some(body.size), members })
    }

    fn enumeration(&self, wide: bool, body: btf::Enum<'_>) -> Body {
        let value = |value: &btf::Enumerator| (self.btf.string(value.name).to_owned(), value.value);
        Body::Enum {
            wide,
            size: body.size,
            signed: body.signed,
            values: body.values.iter().map(value).collect(),
        }
    }

    /// Leaves out sizes and offsets that are what C would make them.
    fn leave_out_what_is_natural(&mut self) {
        if self.layouts.is_empty() {
            return;
        }
        for def in &mut self.defs {
            let Body::Composite(composite) = &mut def.body else { continue };
            let (natural, _) = layout::members(composite, &self.layouts);
            for (member, natural) in composite.members.iter_mut().zip(natural) {
                if member.at.map(u64::from) == Some(natural) {
                    member.at = None;
                }
            }
            let size = composite.size.take();
            if layout::members(composite, &self.layouts).1.size != u64::from(size.unwrap_or_default()) {
                composite.size = size;
            }
        }
    }
}

impl Expr {
    fn is_usual_index(&self) -> bool {
        matches!(self, Expr::Builtin(row) if super::BUILTIN[*row].1 == "__ARRAY_SIZE_TYPE__")
    }
}

/// By type: whether it has a definition of its own. It has if it has a name or members, if nothing refers to it, or if
/// what refers to it would become too long.
fn defined(module: &Module, btf: &Btf) -> Vec<bool> {
    let count = btf.count() as usize + 1;
    let mut referred = vec![false; count];
    let mut refer = |id: TypeId| {
        if let Some(referred) = referred.get_mut(id.0 as usize) {
            *referred = true;
        }
    };
    btf.iter().for_each(|(_, ty)| ty.references(|id, _, _| refer(id)));
    uses(module, &mut refer);
    let mut defined = vec![false; count];
    for (id, ty) in btf.iter() {
        defined[id.0 as usize] = match ty {
            btf::Type::Int(int) => builtin(btf.name(id), int).is_none(),
            _ => !is_anonymous(btf, id),
        } || !referred[id.0 as usize];
    }
    shorten(btf, &mut defined);
    defined
}

/// Whether a type is written where it is used, as a rule.
fn is_anonymous(btf: &Btf, id: TypeId) -> bool {
    let kinds =
        [Kind::Ptr, Kind::Array, Kind::Const, Kind::Volatile, Kind::Restrict, Kind::TypeTag, Kind::FuncProto];
    // Only a tag has a name in that place.
    btf.kind(id)
        .is_some_and(|kind| kinds.contains(&kind) && (kind == Kind::TypeTag || btf.name(id).is_empty()))
}

/// Calls `f` with all types that a module uses outside of its types.
fn uses(module: &Module, f: &mut impl FnMut(TypeId)) {
    fn decl(it: &MapDecl, f: &mut impl FnMut(TypeId)) {
        for part in [it.key, it.value] {
            if let Part::Typed { ty, .. } = part {
                f(ty);
            }
        }
        match &it.values {
            Some(Values::Maps(inner)) => decl(inner, f),
            Some(Values::Programs(proto)) => f(*proto),
            None => {}
        }
    }
    for symbol in &module.symbols {
        match &symbol.kind {
            SymbolKind::Map(map) => decl(&map.decl, f),
            SymbolKind::Global(global) => global.ty.into_iter().for_each(&mut *f),
            SymbolKind::Extern(Extern { ty, .. }) => ty.iter().copied().for_each(&mut *f),
            SymbolKind::Func(_) => {}
        }
    }
    module.funcs.iter().filter_map(|func| func.ty).for_each(&mut *f);
    module.core.iter().for_each(|relo| f(relo.ty));
}

/// Gives labels to anonymous types until none is too long or contains itself.
fn shorten(btf: &Btf, defined: &mut [bool]) {
    // 0: not known yet. An open one is as long as can be, so that whatever contains itself gets a label.
    const OPEN: u32 = u32::MAX;
    let mut weights = vec![0u32; defined.len()];
    let mut path: Vec<(TypeId, bool)> = Vec::new();
    for root in btf.ids() {
        path.push((root, false));
        while let Some((id, seen)) = path.pop() {
            let at = id.0 as usize;
            if seen {
                let mut weight = 1u32;
                btf.ty(id).references(|to, _, _| {
                    let to = to.0 as usize;
                    let of = match weights.get(to) {
                        Some(&weight) if !defined[to] => weight,
                        _ => 1,
                    };
                    if of == OPEN && to != 0 {
                        defined[to] = true;
                    }
                    weight = weight.saturating_add(if of == OPEN { 1 } else { of });
                });
                weights[at] = weight;
                if weight > WEIGHT && is_anonymous(btf, id) {
                    defined[at] = true;
                }
            } else if at < weights.len() && weights[at] == 0 {
                weights[at] = OPEN;
                path.push((id, true));
                btf.ty(id).references(|to, _, _| path.push((to, false)));
            }
        }
    }
}

/// The defined types as they stand in the text: structs and unions, then all others, each behind those it needs.
fn in_order(btf: &Btf, defined: &[bool]) -> Vec<TypeId> {
    let all = || btf.ids().filter(|id| defined[id.0 as usize]);
    let is_composite = |id: TypeId| matches!(btf.kind(id), Some(Kind::Struct | Kind::Union));
    let mut ids: Vec<TypeId> = all().filter(|&id| is_composite(id)).collect();
    let others: Vec<TypeId> = all().filter(|&id| !is_composite(id)).collect();
    let mut places = vec![None; defined.len()];
    for (place, id) in others.iter().enumerate() {
        places[id.0 as usize] = Some(place);
    }
    let order = order(others.len(), |at, needed| {
        let mut todo = vec![others[at]];
        let mut first = true;
        while let Some(id) = todo.pop() {
            match places.get(id.0 as usize).copied().flatten() {
                Some(place) if !first => needed.push(place),
                _ if first || is_anonymous(btf, id) => {
                    let start = todo.len();
                    btf.ty(id).references(|to, _, _| todo.push(to));
                    todo[start..].reverse();
                }
                _ => {}
            }
            first = false;
        }
    });
    match order {
        Ok(order) => ids.extend(order.into_iter().map(|at| others[at])),
        // Types that C does not have: they are shown, and the parser refuses them.
        Err(_) => ids.extend(others),
    }
    ids
}

/// What the text calls the types: their names where these are names of one type only, else numbers.
fn labels(btf: &Btf, ids: &[TypeId]) -> Vec<String> {
    let mut taken = std::collections::HashSet::new();
    let label = |(place, &id): (usize, &TypeId)| {
        let name = btf.name(id);
        let usable = is_plain(name) && !name.starts_with(|c: char| c.is_ascii_digit());
        if usable && taken.insert(name) { name.to_owned() } else { place.to_string() }
    };
    ids.iter().enumerate().map(label).collect()
}
