//! Types of the source language, in the text's form: definitions with labels, and expressions of them.
//!
//! What has a name or members is defined (`type $event = struct { .. }`); pointers, arrays, modifiers and prototypes are
//! written where they are used (`*$event`, `[16]char`, `const u32`, `fn(pid: u32) -> s32`).

mod from_btf;
mod layout;
mod parse;
mod print;
mod to_btf;

use std::ops::Range;

use skep_btf::{FwdKind, Int, IntEncoding, Linkage};

pub(super) use from_btf::Types;
pub(super) use parse::Names;
pub(super) use print::{DefText, ExprText};

/// A type where it is used.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expr {
    Void,
    /// A row of [`BUILTIN`].
    Builtin(usize),
    /// A definition, by its place in the list.
    Def(usize),
    Ptr(Box<Expr>),
    Array {
        elem: Box<Expr>,
        len: u32,
        index: Option<Box<Expr>>,
    },
    Const(Box<Expr>),
    Volatile(Box<Expr>),
    Restrict(Box<Expr>),
    Tag {
        text: String,
        attribute: bool,
        of: Box<Expr>,
    },
    /// A variadic one has a last parameter that is void and has no name.
    Proto {
        ret: Box<Expr>,
        params: Vec<(String, Expr)>,
    },
}

/// `type $label = ..`
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Def {
    /// What the text calls it.
    pub(super) label: String,
    /// What BTF calls it.
    pub(super) name: String,
    pub(super) body: Body,
    /// Where the text defines it.
    pub(super) at: Range<usize>,
}

/// What a definition says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Body {
    /// Another label for a type.
    Same(Expr),
    Int(Int),
    Composite(Composite),
    Enum {
        wide: bool,
        size: u32,
        signed: bool,
        values: Vec<(String, i64)>,
    },
    Fwd(FwdKind),
    Typedef(Expr),
    Float(u32),
    Func {
        proto: Expr,
        linkage: Linkage,
    },
    Var {
        ty: Expr,
        linkage: Linkage,
    },
    Datasec {
        size: u32,
        vars: Vec<(Expr, u32, u32)>,
    },
    DeclTag {
        target: Expr,
        component: Option<u32>,
        attribute: bool,
    },
}

/// A struct or union.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Composite {
    pub(super) union: bool,
    /// In bytes; where it is not given, what C would make it.
    pub(super) size: Option<u32>,
    pub(super) members: Vec<Member>,
}

/// A member of a struct or union.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) ty: Expr,
    /// Where it starts, in bits; where it is not given, where C would put it.
    pub(super) at: Option<u32>,
    /// The width of a bit-field, else 0.
    pub(super) bits: u8,
}

/// Integers that need no definition: word, name in BTF, bytes, meaning. The first row of a type is printed.
pub(super) const BUILTIN: &[(&str, &str, u32, IntEncoding)] = &[
    ("u8", "unsigned char", 1, IntEncoding::Unsigned),
    ("u16", "unsigned short", 2, IntEncoding::Unsigned),
    ("u32", "unsigned int", 4, IntEncoding::Unsigned),
    ("u64", "unsigned long long", 8, IntEncoding::Unsigned),
    ("s8", "signed char", 1, IntEncoding::Signed),
    ("s16", "short", 2, IntEncoding::Signed),
    ("s32", "int", 4, IntEncoding::Signed),
    ("s64", "long long", 8, IntEncoding::Signed),
    ("char", "char", 1, IntEncoding::Signed),
    ("bool", "_Bool", 1, IntEncoding::Bool),
    ("ulong", "unsigned long", 8, IntEncoding::Unsigned),
    ("long", "long", 8, IntEncoding::Signed),
    ("index_t", "__ARRAY_SIZE_TYPE__", 4, IntEncoding::Unsigned),
    ("int", "int", 4, IntEncoding::Signed),
];

/// The row of an integer.
pub(super) fn builtin(name: &str, int: Int) -> Option<usize> {
    let plain = |size: u32| int.offset == 0 && int.size == size && u32::from(int.bits) == size * 8;
    BUILTIN
        .iter()
        .position(|&(_, known, size, encoding)| known == name && plain(size) && encoding == int.encoding)
}

impl Expr {
    /// Calls `f` with each definition in it: those whose layout it needs, and those it only refers to.
    pub(super) fn each_def(&self, f: &mut impl FnMut(usize, Needs)) {
        self.walk(Needs::Layout, f);
    }

    fn walk(&self, needs: Needs, f: &mut impl FnMut(usize, Needs)) {
        match self {
            Expr::Void | Expr::Builtin(_) => {}
            Expr::Def(def) => f(*def, needs),
            Expr::Ptr(of) => of.walk(Needs::Name, f),
            Expr::Array { elem, index, .. } => {
                elem.walk(needs, f);
                index.iter().for_each(|index| index.walk(Needs::Name, f));
            }
            Expr::Const(of) | Expr::Volatile(of) | Expr::Restrict(of) | Expr::Tag { of, .. } => {
                of.walk(needs, f)
            }
            Expr::Proto { ret, params } => {
                ret.walk(Needs::Name, f);
                params.iter().for_each(|(_, ty)| ty.walk(Needs::Name, f));
            }
        }
    }
}

/// What a type needs of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// Its size.
    Layout,
    /// That it exists.
    Name,
}

impl Body {
    /// Calls `f` with each definition that this one refers to.
    pub(super) fn each_def(&self, f: &mut impl FnMut(usize, Needs)) {
        match self {
            Body::Same(ty) | Body::Typedef(ty) | Body::Var { ty, .. } => ty.each_def(f),
            Body::Composite(composite) => composite.members.iter().for_each(|member| member.ty.each_def(f)),
            Body::Func { proto: ty, .. } | Body::DeclTag { target: ty, .. } => {
                ty.each_def(&mut |def, _| f(def, Needs::Name));
            }
            Body::Datasec { vars, .. } => {
                vars.iter().for_each(|(ty, ..)| ty.each_def(&mut |def, _| f(def, Needs::Name)));
            }
            Body::Int(_) | Body::Enum { .. } | Body::Fwd(_) | Body::Float(_) => {}
        }
    }
}

/// Each before those that need it; else one that needs itself.
pub(super) fn order(count: usize, mut deps: impl FnMut(usize, &mut Vec<usize>)) -> Result<Vec<usize>, usize> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let mut states = vec![State::New; count];
    let mut order = Vec::with_capacity(count);
    let mut path: Vec<(usize, Vec<usize>)> = Vec::new();
    for root in 0..count {
        let mut next = Some(root);
        loop {
            match next.take() {
                Some(at) if states[at] == State::New => {
                    states[at] = State::Open;
                    let mut needed = Vec::new();
                    deps(at, &mut needed);
                    needed.reverse();
                    path.push((at, needed));
                }
                Some(at) if states[at] == State::Open => return Err(at),
                _ => {}
            }
            let Some((at, needed)) = path.last_mut() else { break };
            next = needed.pop();
            if next.is_none() {
                states[*at] = State::Done;
                order.push(*at);
                path.pop();
            }
        }
    }
    Ok(order)
}
