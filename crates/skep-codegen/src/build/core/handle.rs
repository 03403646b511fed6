//! Handles: small numbers that say which module or body they are of, so that one of another is noticed.

use std::sync::atomic::{AtomicU32, Ordering};

use skep_btf::TypeId;

use crate::ir;

/// Who hands out handles: one module, or the body of one function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Brand(u32);

impl Brand {
    /// Of nobody: of what is poison, or valid everywhere.
    pub(crate) const NONE: Brand = Brand(0);

    /// One that nobody has.
    pub(crate) fn new() -> Brand {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        Brand(NEXT.fetch_add(1, Ordering::Relaxed).max(1))
    }
}

/// A number, truth value or pointer of the function that is being built, with its type.
///
/// What a mistake yields is a value as well, called poison: whatever is made of it is poison again, silently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Value {
    pub(super) node: u32,
    pub(super) brand: Brand,
    pub(super) ty: TypeId,
}

/// What a function without a result returns.
pub(super) const NOTHING: u32 = u32::MAX - 1;

impl Value {
    /// What mistakes yield.
    pub const POISON: Value = Value { node: u32::MAX, brand: Brand::NONE, ty: TypeId::VOID };

    /// Whether it comes from a mistake, which has been recorded.
    #[must_use]
    pub const fn is_poison(self) -> bool {
        self.node == u32::MAX
    }

    /// Whether it is the result of a function that has none.
    #[must_use]
    pub const fn is_nothing(self) -> bool {
        self.node == NOTHING
    }
}

macro_rules! handles {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $name {
            pub(super) index: u32,
            pub(super) brand: Brand,
        }

        impl $name {
            /// What mistakes yield.
            pub const POISON: $name = $name { index: u32::MAX, brand: Brand::NONE };

            /// Whether it comes from a mistake, which has been recorded.
            #[must_use]
            pub const fn is_poison(self) -> bool {
                self.index == u32::MAX
            }
        }
    )*};
}

handles! {
    /// A type of a module.
    Ty;
    /// A function of a module: defined there or elsewhere.
    Func;
    /// A map of a module.
    Map;
    /// A global variable of a module, or of the kernel.
    Global;
    /// A local variable of the function that is being built.
    Var;
    /// A block of the function that is being built.
    Block;
    /// A structured statement that encloses the current place: what `break` and `continue` name.
    Label;
}

impl Ty {
    /// No type: what a function without a result returns.
    pub const VOID: Ty = Ty { index: 0, brand: Brand::NONE };

    pub(super) const fn id(self) -> TypeId {
        TypeId(self.index)
    }
}

/// A place in memory that holds a value of some type: what C calls an lvalue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub(super) base: Base,
    pub(super) brand: Brand,
    /// Bytes beyond the base.
    pub(super) offset: i32,
    pub(super) ty: TypeId,
    /// Known alignment of the place in bytes.
    pub(super) align: u8,
    pub(super) volatile: bool,
    /// Which bits of it, if it is a bit-field.
    pub(super) bits: Option<Bits>,
}

/// Where a place begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// Nowhere: a mistake.
    Poison,
    /// A local variable.
    Var(u32),
    /// Where a pointer points.
    Pointer(ir::Value),
}

/// A bit-field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bits {
    /// Its first bit, from the first bit of the byte at the place; as types count, for the module's byte order.
    pub(super) start: u8,
    /// How many.
    pub(super) len: u8,
    /// Bytes that may be touched from the place's offset on, to the end of the struct.
    pub(super) room: u32,
    /// Bytes that may be touched before the place's offset: those from the start of the struct.
    pub(super) before: u32,
    /// Known alignment of the struct, in bytes.
    pub(super) align: u8,
}

impl Place {
    /// What mistakes yield.
    pub const POISON: Place = Place {
        base: Base::Poison,
        brand: Brand::NONE,
        offset: 0,
        ty: TypeId::VOID,
        align: 1,
        volatile: false,
        bits: None,
    };

    /// Whether it comes from a mistake, which has been recorded.
    #[must_use]
    pub const fn is_poison(self) -> bool {
        matches!(self.base, Base::Poison)
    }
}
