//! Types as text.

use std::fmt::{self, Write as _};

use skep_btf::{FwdKind, IntEncoding, Linkage};

use super::{BUILTIN, Body, Composite, Def, Expr};
use crate::ir::text::lex::is_plain;
use crate::ir::text::print::Quoted;

/// The longest line that members stand in.
const LINE: usize = 100;

/// Words for what an integer means.
pub(super) const ENCODINGS: [(&str, IntEncoding); 5] = [
    ("unsigned", IntEncoding::Unsigned),
    ("signed", IntEncoding::Signed),
    ("char", IntEncoding::Char),
    ("signed_char", IntEncoding::SignedChar),
    ("bool", IntEncoding::Bool),
];

/// Words for who sees a function or variable.
pub(super) const LINKAGES: [(&str, Linkage); 3] =
    [("static", Linkage::Static), ("global", Linkage::Global), ("extern", Linkage::Extern)];

/// The word for something.
fn word<T: PartialEq>(of: T, words: &[(&'static str, T)]) -> &'static str {
    words.iter().find(|(_, it)| *it == of).map_or("", |(word, _)| word)
}

/// A name of a type behind `$`.
struct Label<'a>(&'a str);

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_plain(self.0) { write!(f, "${}", self.0) } else { write!(f, "${}", Quoted(self.0.as_bytes())) }
    }
}

/// A name of a member, in quotes if need be.
struct Word<'a>(&'a str);

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = is_plain(self.0) && !self.0.starts_with(|c: char| c.is_ascii_digit());
        if plain { f.write_str(self.0) } else { Quoted(self.0.as_bytes()).fmt(f) }
    }
}

/// A type where it is used.
pub(in crate::ir::text) struct ExprText<'a>(
    pub(in crate::ir::text) &'a [Def],
    pub(in crate::ir::text) &'a Expr,
);

impl fmt::Display for ExprText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ExprText(defs, ty) = *self;
        let of = |ty| ExprText(defs, ty);
        match ty {
            Expr::Void => f.write_str("void"),
            Expr::Builtin(row) => f.write_str(BUILTIN[*row].0),
            Expr::Def(def) => Label(&defs[*def].label).fmt(f),
            Expr::Ptr(to) => write!(f, "*{}", of(to)),
            Expr::Const(to) => write!(f, "const {}", of(to)),
            Expr::Volatile(to) => write!(f, "volatile {}", of(to)),
            Expr::Restrict(to) => write!(f, "restrict {}", of(to)),
            Expr::Array { elem, len, index: None } => write!(f, "[{len}]{}", of(elem)),
            Expr::Array { elem, len, index: Some(index) } => write!(f, "[{len}, {}]{}", of(index), of(elem)),
            Expr::Tag { text, attribute, of: to } => {
                let word = if *attribute { "attribute" } else { "tag" };
                write!(f, "{word} {} {}", Quoted(text.as_bytes()), of(to))
            }
            Expr::Proto { ret, params } => {
                f.write_str("fn(")?;
                for (at, (name, ty)) in params.iter().enumerate() {
                    f.write_str(if at == 0 { "" } else { ", " })?;
                    match (name.as_str(), ty) {
                        ("", Expr::Void) if at + 1 == params.len() => f.write_str("...")?,
                        ("", ty) => of(ty).fmt(f)?,
                        (name, ty) => write!(f, "{}: {}", Word(name), of(ty))?,
                    }
                }
                f.write_char(')')?;
                if **ret == Expr::Void { Ok(()) } else { write!(f, " -> {}", of(ret)) }
            }
        }
    }
}

/// `type $label = ..`, without the end of the line.
pub(in crate::ir::text) struct DefText<'a>(
    pub(in crate::ir::text) &'a [Def],
    pub(in crate::ir::text) &'a Def,
);

impl fmt::Display for DefText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DefText(defs, def) = *self;
        let of = |ty| ExprText(defs, ty);
        write!(f, "type {} = ", Label(&def.label))?;
        if let Body::Same(ty) = &def.body {
            return of(ty).fmt(f);
        }
        let head = match &def.body {
            Body::Same(_) | Body::Composite(Composite { union: false, .. }) => "struct",
            Body::Composite(_) => "union",
            Body::Int(_) => "int",
            Body::Enum { wide: false, .. } => "enum",
            Body::Enum { wide: true, .. } => "enum64",
            Body::Fwd(FwdKind::Struct) => "fwd struct",
            Body::Fwd(FwdKind::Union) => "fwd union",
            Body::Typedef(_) => "typedef",
            Body::Float(_) => "float",
            Body::Func { .. } => "func",
            Body::Var { .. } => "var",
            Body::Datasec { .. } => "datasec",
            Body::DeclTag { .. } => "decl_tag",
        };
        f.write_str(head)?;
        if def.name != def.label {
            write!(f, " {}", Quoted(def.name.as_bytes()))?;
        }
        match &def.body {
            Body::Same(_) | Body::Fwd(_) => Ok(()),
            Body::Int(int) => {
                write!(f, " {} {}", int.size, word(int.encoding, &ENCODINGS))?;
                if u32::from(int.bits) != int.size.saturating_mul(8) {
                    write!(f, " bits {}", int.bits)?;
                }
                if int.offset != 0 { write!(f, " offset {}", int.offset) } else { Ok(()) }
            }
            Body::Composite(composite) => {
                if let Some(size) = composite.size {
                    write!(f, " size {size}")?;
                }
                list(
                    f,
                    composite.members.iter().map(|member| {
                        let mut out = format!("{}: {}", Word(&member.name), of(&member.ty));
                        // Writing to a string cannot fail.
                        if member.bits != 0 {
                            let _ = write!(out, " bits {}", member.bits);
                        }
                        match member.at.map(|at| (at / 8, at % 8)) {
                            None => {}
                            Some((byte, 0)) => _ = write!(out, " at {byte}"),
                            Some((byte, bit)) => _ = write!(out, " at {byte}:{bit}"),
                        }
                        out
                    }),
                )
            }
            Body::Enum { wide, size, signed, values } => {
                if *size != if *wide { 8 } else { 4 } {
                    write!(f, " size {size}")?;
                }
                if *signed {
                    f.write_str(" signed")?;
                }
                list(
                    f,
                    values.iter().map(|(name, value)| {
                        if *signed || !*wide {
                            format!("{} = {value}", Word(name))
                        } else {
                            format!("{} = {}", Word(name), value.cast_unsigned())
                        }
                    }),
                )
            }
            Body::Typedef(ty) => write!(f, " {}", of(ty)),
            Body::Float(size) => write!(f, " {size}"),
            Body::Func { proto: ty, linkage } | Body::Var { ty, linkage } => {
                write!(f, " {} {}", word(*linkage, &LINKAGES), of(ty))
            }
            Body::Datasec { size, vars } => {
                write!(f, " size {size}")?;
                list(f, vars.iter().map(|(ty, at, size)| format!("{} at {at} size {size}", of(ty))))
            }
            Body::DeclTag { target, component, attribute } => {
                write!(f, " {}", of(target))?;
                component.iter().try_for_each(|component| write!(f, " component {component}"))?;
                f.write_str(if *attribute { " attribute" } else { "" })
            }
        }
    }
}

/// Members in braces, in one line if it is short.
fn list(f: &mut fmt::Formatter<'_>, members: impl Iterator<Item = String>) -> fmt::Result {
    let members: Vec<String> = members.collect();
    let length: usize = members.iter().map(|member| member.len() + 2).sum();
    if members.is_empty() {
        return f.write_str(" {}");
    }
    if length <= LINE / 2 {
        return write!(f, " {{ {} }}", members.join(", "));
    }
    f.write_str(" {\n")?;
    members.iter().try_for_each(|member| writeln!(f, "  {member},"))?;
    f.write_char('}')
}
