//! Operators of values.

use std::ops::{
    Add, AddAssign, BitAnd, BitAndAssign, BitOr, BitOrAssign, BitXor, BitXorAssign, Div, DivAssign, Mul,
    MulAssign, Neg, Not, Rem, RemAssign, Shl, ShlAssign, Shr, ShrAssign, Sub, SubAssign,
};

use super::core::Bin;
use super::dynamic;
use super::operand::{Bits, Int, Operand};
use super::reference::Ref;
use super::value::V;

macro_rules! operators {
    ($of:ident: $($trait:ident $method:ident $assign:ident $assign_method:ident;)*) => {$(
        impl<'f, T: $of, R: Operand<'f, T>> $trait<R> for V<'f, T> {
            type Output = V<'f, T>;

            #[track_caller]
            fn $method(self, other: R) -> V<'f, T> {
                let value = dynamic!(self.cell, b => {
                    let other = other.value(&mut b);
                    b.bin(Bin::$trait, self.value, other)
                });
                V::new(self.cell, value)
            }
        }

        impl<'f, T: $of, R: Operand<'f, T>> $assign<R> for Ref<'f, T> {
            #[track_caller]
            fn $assign_method(&mut self, other: R) {
                let value = $trait::$method(self.get(), other);
                self.set(value);
            }
        }
    )*};
}

macro_rules! names {
    ($($name:ident = $bin:ident;)*) => {$(
        #[expect(non_upper_case_globals, reason = "named as the operator's trait")]
        impl Bin {
            const $name: Bin = Bin::$bin;
        }
    )*};
}

names! {
    BitAnd = And;
    BitOr = Or;
    BitXor = Xor;
}

operators! {
    Int:
    Add add AddAssign add_assign;
    Sub sub SubAssign sub_assign;
    Mul mul MulAssign mul_assign;
    Div div DivAssign div_assign;
    Rem rem RemAssign rem_assign;
    Shl shl ShlAssign shl_assign;
    Shr shr ShrAssign shr_assign;
}

operators! {
    Bits:
    BitAnd bitand BitAndAssign bitand_assign;
    BitOr bitor BitOrAssign bitor_assign;
    BitXor bitxor BitXorAssign bitxor_assign;
}

macro_rules! constants_on_the_left {
    ($($ty:ident: $($trait:ident $method:ident)*;)*) => {$($(
        impl<'f> $trait<V<'f, $ty>> for $ty {
            type Output = V<'f, $ty>;

            #[track_caller]
            fn $method(self, other: V<'f, $ty>) -> V<'f, $ty> {
                let value = dynamic!(other.cell, b => {
                    let this = b.rust_constant(self);
                    b.bin(Bin::$trait, this, other.value)
                });
                V::new(other.cell, value)
            }
        }
    )*)*};
}

constants_on_the_left! {
    u8: Add add Sub sub Mul mul Div div Rem rem Shl shl Shr shr BitAnd bitand BitOr bitor BitXor bitxor;
    i8: Add add Sub sub Mul mul Div div Rem rem Shl shl Shr shr BitAnd bitand BitOr bitor BitXor bitxor;
    u16: Add add Sub sub Mul mul Div div Rem rem Shl shl Shr shr BitAnd bitand BitOr bitor BitXor bitxor;
    i16: Add add Sub sub Mul mul Div div Rem rem Shl shl Shr shr BitAnd bitand BitOr bitor BitXor bitxor;
    u32: Add add Sub sub Mul mul Div div Rem rem Shl shl Shr shr BitAnd bitand BitOr bitor BitXor bitxor;
    i32: Add add Sub sub Mul mul Div div Rem rem Shl shl Shr shr BitAnd bitand BitOr bitor BitXor bitxor;
    u64: Add add Sub sub Mul mul Div div Rem rem Shl shl Shr shr BitAnd bitand BitOr bitor BitXor bitxor;
    i64: Add add Sub sub Mul mul Div div Rem rem Shl shl Shr shr BitAnd bitand BitOr bitor BitXor bitxor;
}

impl<'f, T: Int> Neg for V<'f, T> {
    type Output = V<'f, T>;

    #[track_caller]
    fn neg(self) -> V<'f, T> {
        V::new(self.cell, dynamic!(self.cell, b => b.neg(self.value)))
    }
}

/// Of an integer, bit by bit; of a truth value, its contrary.
impl<'f, T: Bits> Not for V<'f, T> {
    type Output = V<'f, T>;

    #[track_caller]
    fn not(self) -> V<'f, T> {
        V::new(self.cell, dynamic!(self.cell, b => b.invert(self.value)))
    }
}
