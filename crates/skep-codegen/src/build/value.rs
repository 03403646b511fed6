//! Values with Rust types.

use std::marker::PhantomData;

use skep_btf::{BpfType, Field, P};

use super::core::{self, Bin, Cmp};
use super::operand::{Int, Operand};
use super::reference::Ref;
use super::{Cell, Invariant, dynamic};
use crate::ir::{AtomicOp, Order};

/// A value of type `T` of the body `'f`: an integer, a truth value, an enumeration or a pointer.
///
/// It is a handle that can be copied, and that cannot leave its body.
pub struct V<'f, T> {
    pub(super) cell: &'f Cell,
    pub(super) value: core::Value,
    types: Invariant<'f, T>,
}

impl<T> Clone for V<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for V<'_, T> {}

impl<T> std::fmt::Debug for V<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.value, f)
    }
}

impl<'f, T> V<'f, T> {
    pub(super) fn new(cell: &'f Cell, value: core::Value) -> V<'f, T> {
        V { cell, value, types: PhantomData }
    }

    /// The handle that the dynamic core knows it by.
    #[must_use]
    pub const fn raw(self) -> core::Value {
        self.value
    }

    /// The same value, that no pass looks through, moves or merges.
    #[track_caller]
    #[must_use]
    pub fn pin(self) -> V<'f, T> {
        V::new(self.cell, dynamic!(self.cell, b => b.pin(self.value)))
    }
}

macro_rules! compares {
    ($($(#[$doc:meta])* $name:ident = $cmp:ident;)*) => {
        /// Comparisons; those of pointers compare addresses.
        impl<'f, T: BpfType> V<'f, T> {$(
            $(#[$doc])*
            #[track_caller]
            #[must_use]
            pub fn $name(self, other: impl Operand<'f, T>) -> V<'f, bool> {
                let value = dynamic!(self.cell, b => {
                    let other = other.value(&mut b);
                    b.cmp(Cmp::$cmp, self.value, other)
                });
                V::new(self.cell, value)
            }
        )*}
    };
}

compares! {
    /// `self == other`
    eq = Eq;
    /// `self != other`
    ne = Ne;
    /// `self < other`
    lt = Lt;
    /// `self <= other`
    le = Le;
    /// `self > other`
    gt = Gt;
    /// `self >= other`
    ge = Ge;
}

impl<'f, T: BpfType> V<'f, T> {
    /// The value as one of another type, as C casts: a wider integer is filled by the sign of this one, a narrower one
    /// cut off, a pointer becomes its address, any value whether it is not zero.
    #[track_caller]
    #[must_use]
    pub fn cast<U: BpfType>(self) -> V<'f, U> {
        let value = dynamic!(self.cell, b => {
            let to = b.rust_type::<U>();
            b.cast(self.value, to)
        });
        V::new(self.cell, value)
    }
}

macro_rules! unary {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[track_caller]
        #[must_use]
        pub fn $name(self) -> V<'f, T> {
            V::new(self.cell, dynamic!(self.cell, b => b.$name(self.value)))
        }
    )*};
}

macro_rules! binary {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[track_caller]
        #[must_use]
        pub fn $name(self, other: impl Operand<'f, T>) -> V<'f, T> {
            let value = dynamic!(self.cell, b => {
                let other = other.value(&mut b);
                b.$name(self.value, other)
            });
            V::new(self.cell, value)
        }
    )*};
}

macro_rules! checked {
    ($($(#[$doc:meta])* $name:ident = $op:ident;)*) => {$(
        $(#[$doc])*
        #[track_caller]
        #[must_use]
        pub fn $name(self, other: impl Operand<'f, T>) -> (V<'f, T>, V<'f, bool>) {
            let (value, overflow) = dynamic!(self.cell, b => {
                let other = other.value(&mut b);
                b.overflowing(Bin::$op, self.value, other)
            });
            (V::new(self.cell, value), V::new(self.cell, overflow))
        }
    )*};
}

/// What integers have beside operators.
impl<'f, T: Int> V<'f, T> {
    unary! {
        /// Reverses the bytes: of 16, 32 or 64 bits.
        swap_bytes;
        /// How many zeros lead; for 0, as many as there are bits.
        leading_zeros;
        /// How many zeros trail; for 0, as many as there are bits.
        trailing_zeros;
        /// How many bits are one.
        count_ones;
        /// The value without its sign; of the smallest one, itself.
        abs;
        /// From the target's byte order to network order, or back: of 16, 32 or 64 bits.
        network_order;
    }

    binary! {
        /// The smaller one.
        min;
        /// The larger one.
        max;
        /// Rotated to the left by so many bits, counted modulo the width.
        rotate_left;
        /// Rotated to the right by so many bits, counted modulo the width.
        rotate_right;
    }

    checked! {
        /// The sum, and whether it did not fit.
        overflowing_add = Add;
        /// The difference, and whether it did not fit.
        overflowing_sub = Sub;
        /// The product, and whether it did not fit.
        overflowing_mul = Mul;
    }
}

/// Truth values.
impl<'f> V<'f, bool> {
    /// `self && other`: the other side is calculated only if this one is true.
    #[track_caller]
    #[must_use]
    pub fn and(self, other: impl FnOnce(&super::Fb<'f>) -> V<'f, bool>) -> V<'f, bool> {
        dynamic!(self.cell, b => b.begin_and(self.value));
        let other = other(&super::Fb::new(self.cell));
        V::new(self.cell, dynamic!(self.cell, b => b.end_logic(other.value)))
    }

    /// `self || other`: the other side is calculated only if this one is false.
    #[track_caller]
    #[must_use]
    pub fn or(self, other: impl FnOnce(&super::Fb<'f>) -> V<'f, bool>) -> V<'f, bool> {
        dynamic!(self.cell, b => b.begin_or(self.value));
        let other = other(&super::Fb::new(self.cell));
        V::new(self.cell, dynamic!(self.cell, b => b.end_logic(other.value)))
    }

    /// `a` where this is true, else `b`. Both have been calculated; [`Fb::choose`](super::Fb::choose) calculates one.
    #[track_caller]
    #[must_use]
    pub fn select<T: BpfType>(self, a: impl Operand<'f, T>, b: impl Operand<'f, T>) -> V<'f, T> {
        let value = dynamic!(self.cell, builder => {
            let (a, b) = (a.value(&mut builder), b.value(&mut builder));
            builder.select(self.value, a, b)
        });
        V::new(self.cell, value)
    }
}

/// Pointers.
impl<'f, T: BpfType> V<'f, P<T>> {
    /// Whether it points nowhere.
    #[track_caller]
    #[must_use]
    pub fn is_null(self) -> V<'f, bool> {
        V::new(self.cell, dynamic!(self.cell, b => b.not(self.value)))
    }

    /// Whether it points somewhere.
    #[track_caller]
    #[must_use]
    pub fn is_some(self) -> V<'f, bool> {
        V::new(self.cell, dynamic!(self.cell, b => b.truth(self.value)))
    }

    /// What it points to.
    #[track_caller]
    #[must_use]
    pub fn deref(self) -> Ref<'f, T> {
        let place = dynamic!(self.cell, b => {
            let ty = b.rust_type::<T>();
            b.deref_as(self.value, ty)
        });
        Ref::new(self.cell, place)
    }

    /// Reads what it points to.
    #[track_caller]
    #[must_use]
    pub fn load(self) -> V<'f, T> {
        self.deref().get()
    }

    /// Writes what it points to.
    #[track_caller]
    pub fn store(self, value: impl Operand<'f, T>) {
        self.deref().set(value);
    }

    /// A field of the struct or union that it points to: `event.field(Event::pid)`.
    #[track_caller]
    #[must_use]
    pub fn field<U: BpfType>(self, field: Field<T, U>) -> Ref<'f, U> {
        self.deref().field(field)
    }

    /// A member of what it points to, by the name that types have: for contexts and types that are not known in Rust.
    #[track_caller]
    #[must_use]
    pub fn member<U: BpfType>(self, name: &str) -> Ref<'f, U> {
        let place = dynamic!(self.cell, b => {
            let place = b.deref(self.value);
            b.member_as::<U>(place, name)
        });
        Ref::new(self.cell, place)
    }

    /// The pointer to a member, wherever the kernel that the program meets has it (CO-RE): `task.core_member::<u32>("pid")`,
    /// `mm.owner`, `comm[2]`. The struct is declared as in the kernel, with the members that are needed.
    #[track_caller]
    #[must_use]
    pub fn core_member<U: BpfType>(self, path: &str) -> V<'f, P<U>> {
        let value = dynamic!(self.cell, b => {
            let place = b.core_field(self.value, path);
            let place = b.like::<U>(place, path);
            b.address_of(place)
        });
        V::new(self.cell, value)
    }

    /// A pointer into a packet, which the context that this points to shows as a member of 32 bits.
    #[track_caller]
    #[must_use]
    pub fn packet_member(self, name: &str) -> V<'f, P<u8>> {
        let value = dynamic!(self.cell, b => {
            let place = b.deref(self.value);
            let place = b.field(place, name);
            let ty = b.rust_type::<P<u8>>();
            b.load_packet_pointer(place, ty)
        });
        V::new(self.cell, value)
    }

    /// The value so many further on, as if it pointed into an array: `p[i]` of C.
    #[track_caller]
    #[must_use]
    pub fn index<I: Int>(self, index: impl Operand<'f, I>) -> Ref<'f, T> {
        self.add(index).deref()
    }

    /// The pointer to the value so many further on: `p + i` of C.
    #[track_caller]
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "it counts in elements, with any integer")]
    pub fn add<I: Int>(self, index: impl Operand<'f, I>) -> V<'f, P<T>> {
        let value = dynamic!(self.cell, b => {
            let index = index.value(&mut b);
            b.offset_by(self.value, index, T::SIZE)
        });
        V::new(self.cell, value)
    }

    /// The pointer so many bytes further on.
    #[track_caller]
    #[must_use]
    pub fn add_bytes<I: Int>(self, bytes: impl Operand<'f, I>) -> V<'f, P<T>> {
        let value = dynamic!(self.cell, b => {
            let bytes = bytes.value(&mut b);
            b.offset_bytes(self.value, bytes)
        });
        V::new(self.cell, value)
    }

    /// How many values lie between another pointer and this one.
    #[track_caller]
    #[must_use]
    pub fn distance(self, from: V<'f, P<T>>) -> V<'f, i64> {
        V::new(self.cell, dynamic!(self.cell, b => b.distance(self.value, from.value)))
    }
}

macro_rules! atomics {
    ($($(#[$doc:meta])* $name:ident = $op:ident;)*) => {
        /// Atomic operations, sequentially consistent; the result is what was there before.
        impl<'f, T: Int> Ref<'f, T> {$(
            $(#[$doc])*
            #[track_caller]
            pub fn $name(self, value: impl Operand<'f, T>) -> V<'f, T> {
                let value = dynamic!(self.cell, b => {
                    let value = value.value(&mut b);
                    b.atomic(AtomicOp::$op, self.place, value, Order::SeqCst)
                });
                V::new(self.cell, value)
            }
        )*}

        /// Atomic operations on what the pointer points to, sequentially consistent; the result is what was there
        /// before.
        impl<'f, T: Int> V<'f, P<T>> {
            $(
                $(#[$doc])*
                #[track_caller]
                pub fn $name(self, value: impl Operand<'f, T>) -> V<'f, T> {
                    self.deref().$name(value)
                }
            )*

            /// Writes `new` if `expected` is there.
            #[track_caller]
            pub fn compare_exchange(
                self,
                expected: impl Operand<'f, T>,
                new: impl Operand<'f, T>,
            ) -> V<'f, T> {
                self.deref().compare_exchange(expected, new)
            }
        }
    };
}

atomics! {
    /// Adds.
    atomic_add = Add;
    /// Subtracts.
    atomic_sub = Sub;
    /// And.
    atomic_and = And;
    /// Or.
    atomic_or = Or;
    /// Exclusive or.
    atomic_xor = Xor;
    /// Writes.
    atomic_swap = Xchg;
}
