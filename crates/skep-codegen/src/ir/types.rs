//! Types of values.

use std::fmt;

/// The type of a value. What it means in the source language (struct, sign, name) is said by BTF, not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// An integer of 1 to 64 bits.
    Int(u8),
    /// A pointer, 64 bits.
    Ptr(Space),
}

/// What a pointer points into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Space {
    /// Memory of the kernel, or of the host: stack, maps, context, packets.
    #[default]
    Default,
    /// An arena (`BPF_MAP_TYPE_ARENA`), before `addr_space_cast`.
    Arena,
}

impl Type {
    /// A truth value, 0 or 1.
    pub const I1: Type = Type::Int(1);
    /// A byte.
    pub const I8: Type = Type::Int(8);
    /// 16 bits.
    pub const I16: Type = Type::Int(16);
    /// 32 bits.
    pub const I32: Type = Type::Int(32);
    /// 64 bits: a whole register.
    pub const I64: Type = Type::Int(64);
    /// A pointer into the default space.
    pub const PTR: Type = Type::Ptr(Space::Default);

    /// Width in bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        match self {
            Type::Int(bits) => bits,
            Type::Ptr(_) => 64,
        }
    }

    /// Whether it is a pointer.
    #[must_use]
    pub const fn is_ptr(self) -> bool {
        matches!(self, Type::Ptr(_))
    }

    /// The bits that a value of this type has: `i12` has `0xfff`.
    #[must_use]
    pub const fn mask(self) -> u64 {
        u64::MAX >> (64 - self.bits())
    }

    /// A number as a constant of this type is kept: sign-extended from its width, so that -1 of any type is -1.
    #[must_use]
    pub const fn canonical(self, value: i64) -> i64 {
        let unused = 64 - self.bits();
        value << unused >> unused
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Int(bits) => write!(f, "i{bits}"),
            Type::Ptr(Space::Default) => f.write_str("ptr"),
            Type::Ptr(Space::Arena) => f.write_str("ptr.arena"),
        }
    }
}

/// What a function takes and returns.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Signature {
    /// Its parameters.
    pub params: Vec<Type>,
    /// Its result, if it has one.
    pub ret: Option<Type>,
    /// Takes more arguments than it declares: only imports from user space.
    pub variadic: bool,
}

impl Signature {
    /// A function of these parameters and this result.
    #[must_use]
    pub fn new(params: impl Into<Vec<Type>>, ret: Option<Type>) -> Signature {
        Signature { params: params.into(), ret, variadic: false }
    }
}
