//! Maps that are declared by types.
//!
//! A variable in the section `.maps` declares a map, and the type of the variable, a struct, says what it is: its
//! members' *types* carry the values. `int (*max_entries)[8]` is the number 8, `struct key *key` is the type of the
//! key. [`read`] tells the declarations of a set, [`declare`] makes one.

pub use self::declare::{Declared, declare};
pub use self::map_type::MapType;
pub use self::read::{Unknown, read, read_one};

mod declare;
mod map_type;
mod read;

use crate::types::{Linkage, TypeId};

/// The section of the declarations.
pub const SECTION: &str = ".maps";

/// What a declaration says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapDecl {
    /// `type`: what sort of map.
    pub ty: MapType,
    /// `max_entries`: how many entries it holds; for a ring buffer, its size in bytes. 0 if not given.
    pub max_entries: u32,
    /// `map_flags`: the `BPF_F_*` flags.
    pub flags: u32,
    /// `numa_node`, if given.
    pub numa_node: Option<u32>,
    /// `key` or `key_size`.
    pub key: Part,
    /// `value` or `value_size`. With `values`, it is 4 bytes.
    pub value: Part,
    /// `values`: what the map refers to, if it is a map of maps or of programs.
    pub values: Option<Values>,
    /// `pinning`: whether the map outlives its program under a name.
    pub pinning: Pinning,
    /// `map_extra`: what it means depends on the type. 0 if not given.
    pub extra: u64,
}

impl MapDecl {
    /// A declaration that gives the type and nothing else.
    #[must_use]
    pub fn new(ty: MapType) -> MapDecl {
        MapDecl {
            ty,
            max_entries: 0,
            flags: 0,
            numa_node: None,
            key: Part::None,
            value: Part::None,
            values: None,
            pinning: Pinning::None,
            extra: 0,
        }
    }
}

/// The key or the value of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Part {
    /// Not given.
    #[default]
    None,
    /// Only the size is given, in bytes.
    Size(u32),
    /// The type is given.
    Typed {
        /// The type.
        ty: TypeId,
        /// Its size, in bytes.
        size: u32,
    },
}

impl Part {
    /// In bytes; 0 if not given.
    #[must_use]
    pub const fn size(self) -> u32 {
        match self {
            Part::None => 0,
            Part::Size(size) | Part::Typed { size, .. } => size,
        }
    }

    /// The type, if it is given.
    #[must_use]
    pub const fn ty(self) -> Option<TypeId> {
        match self {
            Part::Typed { ty, .. } => Some(ty),
            Part::None | Part::Size(_) => None,
        }
    }
}

/// What a map of references refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Values {
    /// Maps like this one, which itself has no `values`.
    Maps(Box<MapDecl>),
    /// Programs, which have this [`FuncProto`](crate::FuncProto).
    Programs(TypeId),
}

/// `pinning`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Pinning {
    /// `LIBBPF_PIN_NONE`
    #[default]
    None = 0,
    /// `LIBBPF_PIN_BY_NAME`
    ByName = 1,
}

/// A map that a set of types declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapDef {
    /// The name of the variable.
    pub name: String,
    /// The variable.
    pub var: TypeId,
    /// [`Linkage::Global`], or [`Linkage::Extern`] if another object has the map.
    pub linkage: Linkage,
    /// Where the variable is in the section, in bytes. Compilers leave 0 here: the symbol tells.
    pub offset: u32,
    /// The size of the variable, in bytes, with its initial values.
    pub size: u32,
    /// Where the initial values start in the variable, in bytes: 8-byte slots up to its end.
    pub values_at: Option<u32>,
    /// What the declaration says.
    pub decl: MapDecl,
}
