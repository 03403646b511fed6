//! What has changed in one type.

use std::collections::HashMap;
use std::fmt;

use super::Sides;
use super::spell::spell;
use crate::btf::Btf;
use crate::types::{Enumerator, FuncProto, IntEncoding, Linkage, Member, Param, Type, TypeId};

/// What of a type has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What it is.
    pub part: Part,
    /// The name of the member, enumerator, parameter or variable; empty for what is there once.
    pub name: String,
    /// What it was, as a person would say it; `None` if it is new.
    pub old: Option<String>,
    /// What it is now; `None` if it is gone.
    pub new: Option<String>,
}

/// A part of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Which kind of type it is, or whether it is defined at all.
    Kind,
    /// Its size, in bytes.
    Size,
    /// What the bits of a number mean.
    Encoding,
    /// What it is another name of, or of which type a variable is.
    Type,
    /// A member of a struct or union.
    Member,
    /// A value of an enumeration.
    Value,
    /// What a function returns.
    Return,
    /// A parameter of a function.
    Param,
    /// Who sees a function or variable.
    Linkage,
    /// The section that a variable is in.
    Section,
    /// A variable of a section.
    Variable,
    /// The elements are the same, in another order.
    Order,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Kind => "kind",
            Part::Size => "size",
            Part::Encoding => "encoding",
            Part::Type => "type",
            Part::Member => "member",
            Part::Value => "value",
            Part::Return => "return type",
            Part::Param => "parameter",
            Part::Linkage => "linkage",
            Part::Section => "section",
            Part::Variable => "variable",
            Part::Order => "order",
        })
    }
}

/// `~ member a: int at 0 -> long at 0`
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Change { part, name, old, new } = self;
        let space = if name.is_empty() { "" } else { " " };
        match (old, new) {
            (Some(old), Some(new)) => write!(f, "~ {part}{space}{name}: {old} -> {new}"),
            (Some(old), None) => write!(f, "- {part}{space}{name}: {old}"),
            (None, Some(new)) => write!(f, "+ {part}{space}{name}: {new}"),
            (None, None) => write!(f, "~ {part}{space}{name}"),
        }
    }
}

/// What differs between two types, by their nodes.
pub(super) fn changes(sides: &Sides<'_>, old: u32, new: u32) -> Vec<Change> {
    let mut found = Found { sides, changes: Vec::new() };
    found.compare(old, new);
    if found.changes.is_empty() {
        found.changes.push(Change { part: Part::Order, name: String::new(), old: None, new: None });
    }
    found.changes
}

struct Found<'s, 'a> {
    sides: &'s Sides<'a>,
    changes: Vec<Change>,
}

/// An element of a list: its name, what equal ones have in common, and what it looks like.
struct Element {
    name: String,
    same: (u64, (u32, u32)),
    text: String,
}

impl Found<'_, '_> {
    fn compare(&mut self, old: u32, new: u32) {
        let Sides { old: a, new: b, .. } = *self.sides;
        let (a_id, b_id) = (self.sides.id(old), self.sides.id(new));
        let (a_ty, b_ty) = (a.ty(a_id), b.ty(b_id));
        self.note(Part::Kind, "", Some(kind(&a_ty)), Some(kind(&b_ty)));
        let size = |ty: &Type<'_>, btf: &Btf, id| match ty {
            Type::Fwd(_) | Type::Typedef(_) | Type::Var(_) | Type::Func(_) => None,
            _ => btf.size_of(id).map(|size| size.to_string()),
        };
        if let (Some(a), Some(b)) = (size(&a_ty, a, a_id), size(&b_ty, b, b_id)) {
            self.note(Part::Size, "", Some(a), Some(b));
        }
        match (a_ty, b_ty) {
            (Type::Int(a), Type::Int(b)) => {
                self.note(Part::Encoding, "", Some(encoding(a)), Some(encoding(b)));
            }
            (Type::Struct(_) | Type::Union(_), Type::Struct(_) | Type::Union(_)) => {
                let (olds, news) = (self.members(a, a_id, old), self.members(b, b_id, new));
                self.lists(Part::Member, olds, news);
            }
            (Type::Enum(a_enum) | Type::Enum64(a_enum), Type::Enum(b_enum) | Type::Enum64(b_enum)) => {
                let sign = |signed| Some(if signed { "signed" } else { "unsigned" }.to_owned());
                self.note(Part::Encoding, "", sign(a_enum.signed), sign(b_enum.signed));
                let values = |btf: &Btf, values: &[Enumerator], number: &dyn Fn(&Enumerator) -> i128| {
                    let element = |value: &Enumerator| {
                        let text = number(value).to_string();
                        let same = (value.value.cast_unsigned(), (0, 0));
                        Element { name: btf.string(value.name).to_owned(), same, text }
                    };
                    values.iter().map(element).collect::<Vec<_>>()
                };
                let olds = values(a, a_enum.values, &|v| a_enum.number(v));
                let news = values(b, b_enum.values, &|v| b_enum.number(v));
                self.lists(Part::Value, olds, news);
            }
            (Type::Typedef(x), Type::Typedef(y)) => self.types(Part::Type, old, new, 0, (x, y)),
            (Type::Func(x), Type::Func(y)) => {
                self.note(Part::Linkage, "", Some(linkage(x.linkage)), Some(linkage(y.linkage)));
                let graph = &self.sides.graph;
                if let (Type::FuncProto(x), Type::FuncProto(y)) = (a.ty(x.proto), b.ty(y.proto))
                    && let (&[old], &[new]) = (graph.edges(old), graph.edges(new))
                {
                    self.prototypes((old, x), (new, y));
                }
            }
            (Type::Var(x), Type::Var(y)) => {
                self.note(Part::Linkage, "", Some(linkage(x.linkage)), Some(linkage(y.linkage)));
                self.types(Part::Type, old, new, 0, (x.ty, y.ty));
                let section = |btf: &Btf, node: u32| {
                    let owner = self.sides.graph.edges(node).get(1).copied().unwrap_or(0);
                    if owner == 0 { "none".to_owned() } else { btf.name(self.sides.id(owner)).to_owned() }
                };
                let (old, new) = (section(a, old), section(b, new));
                self.note(Part::Section, "", Some(old), Some(new));
            }
            (Type::Datasec(x), Type::Datasec(y)) => {
                let variables = |btf: &Btf, vars: &[crate::types::SecVar], node: u32| {
                    let edges = self.sides.graph.edges(node);
                    let element = |(var, &edge): (&crate::types::SecVar, &u32)| Element {
                        name: btf.name(var.var).to_owned(),
                        same: (u64::from(var.offset) << 32 | u64::from(var.size), self.sides.seen(edge)),
                        text: format!("{} bytes at {}", var.size, var.offset),
                    };
                    vars.iter().zip(edges).map(element).collect::<Vec<_>>()
                };
                let (olds, news) = (variables(a, x.vars, old), variables(b, y.vars, new));
                self.lists(Part::Variable, olds, news);
            }
            _ => {}
        }
    }

    /// Notes what is not the same.
    fn note(&mut self, part: Part, name: &str, old: Option<String>, new: Option<String>) {
        if old != new {
            self.changes.push(Change { part, name: name.to_owned(), old, new });
        }
    }

    /// Compares what the same reference of two types leads to.
    fn types(&mut self, part: Part, old: u32, new: u32, place: usize, ids: (TypeId, TypeId)) {
        let Sides { old: a, new: b, ref graph, .. } = *self.sides;
        let seen = |node: u32| graph.edges(node).get(place).map(|&edge| self.sides.seen(edge));
        if seen(old) != seen(new) {
            let (old, new) = (Some(spell(a, ids.0)), Some(spell(b, ids.1)));
            self.changes.push(Change { part, name: String::new(), old, new });
        }
    }

    fn members(&self, btf: &Btf, id: TypeId, node: u32) -> Vec<Element> {
        let members = btf.ty(id).members().unwrap_or_default();
        let element = |(member, &edge): (&Member, &u32)| {
            let Member { bit_offset, bitfield_size, .. } = *member;
            let place = match (member.byte_offset(), bitfield_size) {
                (Some(byte), 0) => format!("at {byte}"),
                (_, 0) => format!("at bit {bit_offset}"),
                (_, width) => format!(": {width} at bit {bit_offset}"),
            };
            Element {
                name: btf.string(member.name).to_owned(),
                same: (u64::from(bit_offset) << 8 | u64::from(bitfield_size), self.sides.seen(edge)),
                text: format!("{} {place}", spell(btf, member.ty)),
            }
        };
        members.iter().zip(self.sides.graph.edges(node)).map(element).collect()
    }

    /// Parameters are matched by their places.
    fn prototypes(&mut self, (old, x): (u32, FuncProto<'_>), (new, y): (u32, FuncProto<'_>)) {
        let Sides { old: a, new: b, ref graph, .. } = *self.sides;
        self.types(Part::Return, old, new, 0, (x.ret, y.ret));
        let text = |btf: &Btf, params: &[Param], at: usize| match params.get(at)? {
            &Param::VARIADIC => Some("...".to_owned()),
            param => {
                Some(format!("{} {}", spell(btf, param.ty), btf.string(param.name)).trim_end().to_owned())
            }
        };
        let seen = |node: u32, at: usize| graph.edges(node).get(at + 1).map(|&edge| self.sides.seen(edge));
        let name = |node: u32, at: usize| graph.words(node).get(at).copied();
        for at in 0..x.params.len().max(y.params.len()) {
            if seen(old, at) != seen(new, at) || name(old, at) != name(new, at) {
                let change = Change {
                    part: Part::Param,
                    name: (at + 1).to_string(),
                    old: text(a, x.params, at),
                    new: text(b, y.params, at),
                };
                self.changes.push(change);
            }
        }
    }

    /// Compares two lists, whose elements are matched by name, and those of one name by their order.
    fn lists(&mut self, part: Part, olds: Vec<Element>, news: Vec<Element>) {
        let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, old) in olds.iter().enumerate().rev() {
            by_name.entry(&old.name).or_default().push(at);
        }
        let mut counterpart = vec![None; olds.len()];
        let mut is_new = vec![true; news.len()];
        for (at, new) in news.iter().enumerate() {
            if let Some(old) = by_name.get_mut(&new.name[..]).and_then(Vec::pop) {
                (counterpart[old], is_new[at]) = (Some(at), false);
            }
        }
        for (old, counterpart) in olds.iter().zip(counterpart) {
            let new = counterpart.map(|at: usize| &news[at]);
            if new.is_none_or(|new| new.same != old.same) {
                let (name, text) = (old.name.clone(), Some(old.text.clone()));
                self.changes.push(Change { part, name, old: text, new: new.map(|new| new.text.clone()) });
            }
        }
        for new in news.into_iter().zip(is_new).filter_map(|(new, is_new)| is_new.then_some(new)) {
            self.changes.push(Change { part, name: new.name, old: None, new: Some(new.text) });
        }
    }
}

fn kind(ty: &Type<'_>) -> String {
    match ty {
        Type::Fwd(_) => "declaration".to_owned(),
        _ => ty.kind().map_or("void", crate::kind::Kind::short_name).to_lowercase(),
    }
}

fn encoding(int: crate::types::Int) -> String {
    let name = match int.encoding {
        IntEncoding::Unsigned => "unsigned",
        IntEncoding::Signed => "signed",
        IntEncoding::Char => "char",
        IntEncoding::SignedChar => "signed char",
        IntEncoding::Bool => "bool",
    };
    match (int.bits, int.offset) {
        (bits, 0) => format!("{name}, {bits} bits"),
        (bits, offset) => format!("{name}, {bits} bits from {offset}"),
    }
}

fn linkage(linkage: Linkage) -> String {
    match linkage {
        Linkage::Static => "static",
        Linkage::Global => "global",
        Linkage::Extern => "extern",
    }
    .to_owned()
}
