//! What was changed.

use std::fmt;

use crate::kind::Kind;
use crate::types::{Linkage, TypeId};

/// A type that was changed for a kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The type, before and after.
    pub id: TypeId,
    /// What it was.
    pub kind: Option<Kind>,
    /// How it was called; empty for an anonymous one.
    pub name: Box<str>,
    /// What happened to it.
    pub what: What,
}

/// How a type was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// It is of another kind.
    Kind(Kind),
    /// It is called so.
    Name(Box<str>),
    /// It has no name.
    NoName,
    /// Some of its members, enumerators or parameters are called otherwise: how many.
    Elements(usize),
    /// It has that linkage.
    Linkage(Linkage),
    /// Its values are unsigned, with the same bits.
    Unsigned,
    /// It is signed, and no longer a character.
    Signed,
    /// It has a size in bytes now, and places of that many variables.
    Places {
        /// How many variables it has.
        vars: usize,
        /// In bytes.
        size: u32,
    },
    /// That many of its elements are left out: functions, and what has no size.
    LeftOut(usize),
    /// It is of that type.
    Type(TypeId),
    /// Bit-fields have integers of their own, as old compilers wrote them: how many.
    BitFields(usize),
}

/// `type [5] BTF_KIND_FLOAT 'double' becomes BTF_KIND_STRUCT`
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "type {}", self.id)?;
        if let Some(kind) = self.kind {
            write!(f, " {kind}")?;
        }
        if !self.name.is_empty() {
            write!(f, " '{}'", self.name.escape_debug())?;
        }
        match &self.what {
            What::Kind(kind) => write!(f, " becomes {kind}"),
            What::Name(name) => write!(f, " is called '{}'", name.escape_debug()),
            What::NoName => f.write_str(" loses its name"),
            What::Elements(count) => write!(f, " calls {count} of its elements otherwise"),
            What::Linkage(Linkage::Static) => f.write_str(" becomes static"),
            What::Linkage(Linkage::Global) => f.write_str(" becomes global"),
            What::Linkage(Linkage::Extern) => f.write_str(" becomes extern"),
            What::Unsigned => f.write_str(" becomes unsigned"),
            What::Signed => f.write_str(" becomes a signed integer, and no character"),
            What::Places { vars, size } => {
                write!(f, " gets the size {size}, and its variables their places ({vars})")
            }
            What::LeftOut(count) => write!(f, " loses what has no place in it ({count})"),
            What::Type(ty) => write!(f, " is of type {ty}"),
            What::BitFields(count) => write!(f, " has {count} bit-fields of types of their own"),
        }
    }
}
