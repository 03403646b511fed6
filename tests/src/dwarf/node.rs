//! One type, as debug information and BTF both have it.

use std::fmt;
use std::hash::Hash;

use super::Error;

/// Where types come from.
pub trait Source {
    /// How a type is referred to.
    type Id: Copy + Eq + Hash + fmt::Debug;

    /// The type.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    fn node(&self, id: Self::Id) -> Result<Node<Self::Id>, Error>;

    /// The kind and name of a struct or union that has a name and is defined, if that is less work than all of it.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    fn head(&self, _: Self::Id) -> Result<Option<(Kind, String)>, Error> {
        Ok(None)
    }
}

/// What a composite is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `struct`
    Struct,
    /// `union`
    Union,
    /// `enum`
    Enum,
    /// `typedef`, which is no composite, but has a name.
    Typedef,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Struct => "struct",
            Kind::Union => "union",
            Kind::Enum => "enum",
            Kind::Typedef => "typedef",
        })
    }
}

/// A type. Names are as BTF spells them.
#[derive(Debug, Clone)]
pub enum Node<I> {
    /// No type.
    Void,
    /// What has no parts.
    Base(Base),
    /// A pointer, and tags on what it points to, the outermost first.
    Pointer(Option<I>, Vec<String>),
    /// `const`, `volatile`, `restrict`
    Modified(&'static str, Option<I>),
    /// A tag on a type behind something that is no pointer.
    Tagged(String, Option<I>),
    /// Another name.
    Typedef(String, Option<I>),
    /// Elements, and how many of them in each dimension, the outermost first.
    Array(Option<I>, Vec<u64>),
    /// What a function takes and gives.
    Function(Function<I>),
    /// A struct or union.
    Composite(Composite<I>),
    /// An enumeration.
    Enum(Enumeration),
    /// A struct, union or enumeration that is only declared.
    Declared(Kind, String),
}

/// A number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Base {
    /// Its name.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// What the bits are.
    pub meaning: Meaning,
}

/// What the bits of a number are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meaning {
    /// An integer.
    Unsigned,
    /// An integer.
    Signed,
    /// `char`: compilers do not agree whether it is signed.
    Char,
    /// A truth value.
    Bool,
    /// A floating-point number.
    Float,
    /// A type without values, or with one.
    Nothing,
}

/// Parameters and result.
#[derive(Debug, Clone)]
pub struct Function<I> {
    /// The result.
    pub ret: Option<I>,
    /// Name, which may be empty, and type.
    pub params: Vec<(String, Option<I>)>,
    /// Whether `...` follows.
    pub variadic: bool,
}

/// A struct or union.
#[derive(Debug, Clone)]
pub struct Composite<I> {
    /// Struct or union.
    pub kind: Kind,
    /// Empty if it has none.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// In the order of offsets.
    pub members: Vec<Member<I>>,
    /// What an enumeration with data chooses from.
    pub variants: Option<Variants<I>>,
    /// Tags of the declaration.
    pub tags: Vec<String>,
}

/// A member.
#[derive(Debug, Clone)]
pub struct Member<I> {
    /// Empty if it has none.
    pub name: String,
    /// From the start, in bits.
    pub bit_offset: u64,
    /// Of a bit-field.
    pub bits: Option<u64>,
    /// Its type.
    pub ty: Option<I>,
    /// Whether it is an open end: any number of values of the type.
    pub open: bool,
    /// Tags of the declaration.
    pub tags: Vec<String>,
}

/// The variants of an enumeration with data.
#[derive(Debug, Clone)]
pub struct Variants<I> {
    /// Where the discriminant is: its offset in bits, and its size in bytes.
    pub discriminant: Option<(u64, u64)>,
    /// Each variant.
    pub list: Vec<Variant<I>>,
}

/// A variant.
#[derive(Debug, Clone)]
pub struct Variant<I> {
    /// Its name.
    pub name: String,
    /// The discriminant's bits, zero-extended; `None` for any that no other variant has.
    pub value: Option<u128>,
    /// From the start of the enumeration, in bits.
    pub bit_offset: u64,
    /// What it holds.
    pub ty: Option<I>,
}

/// An enumeration of constants.
#[derive(Debug, Clone)]
pub struct Enumeration {
    /// Empty if it has none.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// Names and numbers.
    pub values: Vec<(String, i128)>,
}

impl<I> Node<I> {
    /// Its name; empty if it has none.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Node::Base(base) => &base.name,
            Node::Typedef(name, _) | Node::Declared(_, name) => name,
            Node::Composite(composite) => &composite.name,
            Node::Enum(enumeration) => &enumeration.name,
            _ => "",
        }
    }
}

/// Whether a name is one of Rust's own numbers. C code has types of these names too.
#[must_use]
pub fn is_primitive(name: &str) -> bool {
    const NAMES: [&str; 20] = [
        "i8",
        "i16",
        "i32",
        "i64",
        "i128",
        "isize",
        "u8",
        "u16",
        "u32",
        "u64",
        "u128",
        "usize",
        "f16",
        "f32",
        "f64",
        "f128",
        "bool",
        "char32",
        "rust_unit",
        "rust_never",
    ];
    NAMES.contains(&name)
}
