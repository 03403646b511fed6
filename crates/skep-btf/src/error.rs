//! What can be wrong with type information, and where.

use std::fmt;

use crate::kind::Kind;
use crate::types::{StrRef, TypeId};

/// A fault in type information.
///
/// Offsets count from the start of the section's bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A header field has a value that this crate does not read.
    #[error("{section}+{offset:#x}: {field} is {found:#x}, expected {expected}")]
    Header {
        /// The section.
        section: Section,
        /// Where the field is.
        offset: usize,
        /// Its name in the specification.
        field: &'static str,
        /// Its value.
        found: u64,
        /// What it should be.
        expected: String,
    },

    /// Something ends behind the end of its section or part.
    #[error("{section}+{offset:#x}: {what} takes {need} bytes, {have} are left")]
    Truncated {
        /// The section.
        section: Section,
        /// Where it starts.
        offset: usize,
        /// What it is.
        what: &'static str,
        /// How many bytes it takes.
        need: u64,
        /// How many there are.
        have: u64,
    },

    /// The string table does not start and end with a zero byte.
    #[error(".BTF+{offset:#x}: the string table {which} with {found}, expected a zero byte")]
    Strings {
        /// Where the byte is or should be.
        offset: usize,
        /// "starts" or "ends".
        which: &'static str,
        /// The byte, or that there is none.
        found: String,
    },

    /// A kind that this crate does not know.
    #[error(".BTF+{offset:#x}: type {id} has the unknown kind {found}, expected 1 to {last}", last = Kind::ALL.len())]
    Kind {
        /// The type.
        id: TypeId,
        /// Where it starts.
        offset: usize,
        /// Its kind number.
        found: u32,
    },

    /// A field of a type has a value that its kind does not allow.
    #[error(".BTF+{offset:#x}: type {id} {kind}: {field} is {found:#x}, expected {expected}")]
    Field {
        /// The type.
        id: TypeId,
        /// Where it starts.
        offset: usize,
        /// Its kind.
        kind: Kind,
        /// The field.
        field: FieldName,
        /// Its value.
        found: u64,
        /// What it should be.
        expected: &'static str,
    },

    /// A type refers to a type that does not exist.
    #[error(".BTF+{offset:#x}: type {id} {kind}: {field} is type {found}, expected one of the {count} types")]
    TypeRef {
        /// The type.
        id: TypeId,
        /// Where it starts.
        offset: usize,
        /// Its kind.
        kind: Kind,
        /// The referring field.
        field: FieldName,
        /// The id found there.
        found: TypeId,
        /// How many types there are, which is the last id.
        count: u32,
    },

    /// A name is not in the string table.
    #[error(
        ".BTF+{offset:#x}: type {id} {kind}: the name of {field} is at string offset {found}, expected the start of a \
         character below {len:#x}"
    )]
    NameRef {
        /// The type.
        id: TypeId,
        /// Where it starts.
        offset: usize,
        /// Its kind.
        kind: Kind,
        /// What is named.
        field: FieldName,
        /// The string offset found there.
        found: StrRef,
        /// The size of the string table, in bytes.
        len: u32,
    },

    /// A record of `.BTF.ext` has a value that it may not have.
    #[error(".BTF.ext+{offset:#x}: {part} of section '{}': {field} is {found:#x}, expected {expected}", name.escape_debug())]
    Record {
        /// Where the record or block starts.
        offset: usize,
        /// `func_info`, `line_info` or `core_relo`.
        part: &'static str,
        /// The section that the record speaks of; empty if it is not known yet.
        name: String,
        /// The field.
        field: &'static str,
        /// Its value.
        found: u64,
        /// What it should be.
        expected: String,
    },

    /// More than the encoding holds.
    #[error("type {id}: {what}: {found}, the encoding holds at most {limit}")]
    Limit {
        /// The type that was being added.
        id: TypeId,
        /// What there is too much of.
        what: &'static str,
        /// How much.
        found: u64,
        /// How much there may be.
        limit: u64,
    },

    /// A builder was asked to define a type that is of another kind.
    #[error("type {id} is {found}, expected {expected}")]
    Definition {
        /// The type.
        id: TypeId,
        /// What it is.
        found: String,
        /// What it should have been.
        expected: &'static str,
    },

    /// A set to be merged is on top of another base than the result.
    #[error("input {input}: it is on top of another set, of {count} types, expected {expected}")]
    Base {
        /// Which input, from 0.
        input: usize,
        /// How many types its base has.
        count: u32,
        /// What base it may have.
        expected: &'static str,
    },

    /// Bytes are not a value of the Rust type that they were read as.
    #[error("value{place}: {found}, expected {expected}")]
    Value {
        /// Where in the value: `.field[1]`; empty for the whole.
        place: String,
        /// What is there.
        found: String,
        /// What should be there.
        expected: String,
    },

    /// The declaration of a map is not a valid one.
    #[error("map '{}'{member}: {problem}", map.escape_debug())]
    Map {
        /// The map; `outer.inner` for the inner map of a map of maps.
        map: String,
        /// The member of its declaration.
        member: MemberName,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
}

impl Error {
    /// The error of a part's value, as one of the whole.
    pub(crate) fn inside(mut self, outer: fmt::Arguments<'_>) -> Error {
        if let Error::Value { place, .. } = &mut self {
            place.insert_str(0, &outer.to_string());
        }
        self
    }
}

/// One of the two sections that carry type information.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Types and strings.
    Btf,
    /// Records about instructions.
    BtfExt,
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Section::Btf => ".BTF",
            Section::BtfExt => ".BTF.ext",
        })
    }
}

/// A field of a type, or of one of its elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldName {
    /// What it is.
    pub name: &'static str,
    /// Which element of a list, from 0.
    pub index: Option<usize>,
}

impl From<&'static str> for FieldName {
    fn from(name: &'static str) -> FieldName {
        FieldName { name, index: None }
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            Some(index) => write!(f, "{} {index}", self.name),
            None => f.write_str(self.name),
        }
    }
}

/// The member of a map's declaration that an error is about; empty if it is about the whole.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemberName(pub String);

impl fmt::Display for MemberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ", member '{}'", self.0.escape_debug()) }
    }
}
