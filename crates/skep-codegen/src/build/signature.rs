//! Functions with Rust types: `fn(i64) -> i64`.

use std::marker::PhantomData;

use skep_btf::{BpfType, P};
use smallvec::SmallVec;

use super::core::{self, FuncBuilder, Ty, Value};
use super::helpers::{AnyMap, Code, Mem};
use super::map::Map;
use super::operand::Operand;
use super::reference::Ref;
use super::value::V;
use super::{Cell, dynamic};

/// The type of a function: `fn(A, B) -> R` of up to twelve parameters.
pub trait Signature: 'static {
    /// The types of its parameters, as a tuple.
    type Args;
    /// What it returns; `()` if nothing.
    type Ret: BpfType;
    /// Its parameters as values of a body.
    type Params<'f>;

    #[doc(hidden)]
    #[track_caller]
    fn proto(m: &mut core::Module) -> Ty;

    #[doc(hidden)]
    fn params(cell: &Cell) -> Self::Params<'_>;
}

/// A function of type `S`, to be called.
pub struct Func<S> {
    pub(super) func: core::Func,
    signature: PhantomData<S>,
}

impl<S> Func<S> {
    pub(super) fn new(func: core::Func) -> Func<S> {
        Func { func, signature: PhantomData }
    }

    /// The handle that the dynamic core knows it by.
    #[must_use]
    pub const fn raw(self) -> core::Func {
        self.func
    }
}

impl<S> Clone for Func<S> {
    fn clone(&self) -> Func<S> {
        *self
    }
}

impl<S> Copy for Func<S> {}

impl<S> std::fmt::Debug for Func<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.func, f)
    }
}

/// What can be passed where an argument of type `A` is expected: an [`Operand`], or for helpers also any pointer, any
/// map, any function.
pub trait Arg<'f, A> {
    #[doc(hidden)]
    #[track_caller]
    fn arg(self, b: &mut FuncBuilder<'_>) -> Value;
}

impl<'f, A: BpfType, X: Operand<'f, A>> Arg<'f, A> for X {
    #[track_caller]
    fn arg(self, b: &mut FuncBuilder<'_>) -> Value {
        self.value(b)
    }
}

impl<'f, T: BpfType> Arg<'f, Mem> for V<'f, P<T>> {
    fn arg(self, _: &mut FuncBuilder<'_>) -> Value {
        self.value
    }
}

/// Its address.
impl<'f, T: BpfType> Arg<'f, Mem> for Ref<'f, T> {
    #[track_caller]
    fn arg(self, b: &mut FuncBuilder<'_>) -> Value {
        b.address_of(self.place)
    }
}

/// A string literal, which a zero ends.
impl Arg<'_, Mem> for &str {
    #[track_caller]
    fn arg(self, b: &mut FuncBuilder<'_>) -> Value {
        b.string(self)
    }
}

impl<K, T> Arg<'_, AnyMap> for Map<K, T> {
    #[track_caller]
    fn arg(self, b: &mut FuncBuilder<'_>) -> Value {
        b.map_address(self.map)
    }
}

/// A map that has been looked up in a map of maps.
impl<'f, T: BpfType> Arg<'f, AnyMap> for V<'f, P<T>> {
    fn arg(self, _: &mut FuncBuilder<'_>) -> Value {
        self.value
    }
}

impl<S> Arg<'_, Code> for Func<S> {
    #[track_caller]
    fn arg(self, b: &mut FuncBuilder<'_>) -> Value {
        b.func_address(self.func)
    }
}

/// The arguments of a call, as a tuple of what stands for each type in the tuple `A`.
pub trait Args<'f, A> {
    #[doc(hidden)]
    #[track_caller]
    fn args(self, b: &mut FuncBuilder<'_>) -> SmallVec<[Value; 5]>;
}

macro_rules! signatures {
    ($(($($ty:ident $arg:ident $name:ident $at:literal)*))*) => {$(
        impl<$($ty: BpfType,)* R: BpfType> Signature for fn($($ty),*) -> R {
            type Args = ($($ty,)*);
            type Ret = R;
            type Params<'f> = ($(V<'f, $ty>,)*);

            #[track_caller]
            fn proto(m: &mut core::Module) -> Ty {
                let params: &[(&str, Ty)] = &[$(("", m.rust::<$ty>())),*];
                let ret = m.rust::<R>();
                m.func_type(ret, params)
            }

            #[allow(unused_variables, reason = "a function may have no parameters")]
            #[allow(clippy::unused_unit, reason = "a function may have no parameters")]
            fn params(cell: &Cell) -> Self::Params<'_> {
                ($(V::new(cell, dynamic!(cell, b => b.param($at))),)*)
            }
        }

        impl<'f, $($ty, $arg: Arg<'f, $ty>,)*> Args<'f, ($($ty,)*)> for ($($arg,)*) {
            #[track_caller]
            #[allow(unused_variables, reason = "a function may have no parameters")]
            fn args(self, b: &mut FuncBuilder<'_>) -> SmallVec<[Value; 5]> {
                let ($($name,)*) = self;
                SmallVec::from_iter([$($name.arg(b)),*])
            }
        }
    )*};
}

signatures! {
    ()
    (A XA a 0)
    (A XA a 0 B XB b1 1)
    (A XA a 0 B XB b1 1 C XC c 2)
    (A XA a 0 B XB b1 1 C XC c 2 D XD d 3)
    (A XA a 0 B XB b1 1 C XC c 2 D XD d 3 E XE e 4)
    (A XA a 0 B XB b1 1 C XC c 2 D XD d 3 E XE e 4 F XF f 5)
    (A XA a 0 B XB b1 1 C XC c 2 D XD d 3 E XE e 4 F XF f 5 G XG g 6)
    (A XA a 0 B XB b1 1 C XC c 2 D XD d 3 E XE e 4 F XF f 5 G XG g 6 H XH h 7)
    (A XA a 0 B XB b1 1 C XC c 2 D XD d 3 E XE e 4 F XF f 5 G XG g 6 H XH h 7 I XI i 8)
    (A XA a 0 B XB b1 1 C XC c 2 D XD d 3 E XE e 4 F XF f 5 G XG g 6 H XH h 7 I XI i 8 J XJ j 9)
    (A XA a 0 B XB b1 1 C XC c 2 D XD d 3 E XE e 4 F XF f 5 G XG g 6 H XH h 7 I XI i 8 J XJ j 9 K XK k 10)
    (A XA a 0 B XB b1 1 C XC c 2 D XD d 3 E XE e 4 F XF f 5 G XG g 6 H XH h 7 I XI i 8 J XJ j 9 K XK k 10 L XL l 11)
}
