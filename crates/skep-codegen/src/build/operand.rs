//! What can stand where a value is expected: values, constants of Rust, places.

use skep_btf::BpfType;

use super::core::{FuncBuilder, Place, Value};
use super::reference::Ref;
use super::value::V;

/// What can stand where a value of type `T` is expected: a [`V`], a [`Ref`], which is read, or a Rust value, which is a
/// constant.
pub trait Operand<'f, T: BpfType>: Sized {
    /// The value: an integer, a truth value or a pointer.
    #[doc(hidden)]
    #[track_caller]
    fn value(self, b: &mut FuncBuilder<'_>) -> Value;

    /// Writes it to a place.
    #[doc(hidden)]
    #[track_caller]
    fn write(self, b: &mut FuncBuilder<'_>, place: Place) {
        let value = self.value(b);
        b.store(place, value);
    }

    /// The address of memory that holds it: its own, or that of a copy.
    #[doc(hidden)]
    #[track_caller]
    fn address(self, b: &mut FuncBuilder<'_>) -> Value {
        let ty = b.rust_type::<T>();
        let place = b.temporary(ty);
        self.write(b, place);
        b.address_of(place)
    }
}

impl<'f, T: BpfType> Operand<'f, T> for V<'f, T> {
    fn value(self, _: &mut FuncBuilder<'_>) -> Value {
        self.value
    }
}

impl<'f, T: BpfType> Operand<'f, T> for Ref<'f, T> {
    #[track_caller]
    fn value(self, b: &mut FuncBuilder<'_>) -> Value {
        b.load(self.place)
    }

    #[track_caller]
    fn write(self, b: &mut FuncBuilder<'_>, place: Place) {
        b.copy(place, self.place);
    }

    #[track_caller]
    fn address(self, b: &mut FuncBuilder<'_>) -> Value {
        b.address_of(self.place)
    }
}

impl<T: BpfType> Operand<'_, T> for T {
    #[track_caller]
    fn value(self, b: &mut FuncBuilder<'_>) -> Value {
        b.rust_constant(self)
    }

    #[track_caller]
    fn write(self, b: &mut FuncBuilder<'_>, place: Place) {
        b.write_constant(place, self);
    }
}

/// Integers of Rust that registers hold.
pub trait Int: BpfType + Into<i128> + private::Sealed {}

/// Integers and truth values: what `&`, `|`, `^` and `!` are for.
pub trait Bits: BpfType + private::Sealed {}

mod private {
    /// Implemented by nobody else.
    pub trait Sealed {}
}

macro_rules! ints {
    ($($ty:ident)*) => {$(
        impl private::Sealed for $ty {}
        impl Int for $ty {}
        impl Bits for $ty {}
    )*};
}

ints! { u8 i8 u16 i16 u32 i32 u64 i64 }

impl private::Sealed for bool {}
impl Bits for bool {}
