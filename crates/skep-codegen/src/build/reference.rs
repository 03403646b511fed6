//! Places with Rust types: variables, fields, elements.

use std::marker::PhantomData;

use skep_btf::{BpfType, Field, P};

use super::core;
use super::operand::{Int, Operand};
use super::value::V;
use super::{Cell, Invariant, dynamic};
use crate::ir::Order;

/// A place that holds a `T`: a local or global variable, a field, an element, what a pointer points to.
///
/// It is a handle that can be copied. Where a value is expected, it is read.
pub struct Ref<'f, T> {
    pub(super) cell: &'f Cell,
    pub(super) place: core::Place,
    types: Invariant<'f, T>,
}

impl<T> Clone for Ref<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Ref<'_, T> {}

impl<T> std::fmt::Debug for Ref<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.place, f)
    }
}

impl<'f, T> Ref<'f, T> {
    pub(super) fn new(cell: &'f Cell, place: core::Place) -> Ref<'f, T> {
        Ref { cell, place, types: PhantomData }
    }

    /// The handle that the dynamic core knows it by.
    #[must_use]
    pub const fn raw(self) -> core::Place {
        self.place
    }
}

impl<'f, T: BpfType> Ref<'f, T> {
    /// Reads it: an integer, a truth value, an enumeration or a pointer, also from a bit-field.
    #[track_caller]
    #[must_use]
    pub fn get(self) -> V<'f, T> {
        V::new(self.cell, dynamic!(self.cell, b => b.load(self.place)))
    }

    /// Reads it, as [`get`](Ref::get) does.
    #[track_caller]
    #[must_use]
    pub fn load(self) -> V<'f, T> {
        self.get()
    }

    /// Writes it. A whole struct is a constant, or copied from another place.
    #[track_caller]
    pub fn set(self, value: impl Operand<'f, T>) {
        dynamic!(self.cell, b => value.write(&mut b, self.place));
    }

    /// Writes it, as [`set`](Ref::set) does.
    #[track_caller]
    pub fn store(self, value: impl Operand<'f, T>) {
        self.set(value);
    }

    /// The pointer to it. A variable whose address is taken lies on the stack.
    #[track_caller]
    #[must_use]
    pub fn addr(self) -> V<'f, P<T>> {
        V::new(self.cell, dynamic!(self.cell, b => b.address_of(self.place)))
    }

    /// A field of the struct or union: `event.field(Event::pid)`.
    #[track_caller]
    #[must_use]
    pub fn field<U: BpfType>(self, field: Field<T, U>) -> Ref<'f, U> {
        let place = dynamic!(self.cell, b => {
            b.rust_part::<U>(self.place, field.bit_offset, field.bit_size)
        });
        Ref::new(self.cell, place)
    }

    /// A member, by the name that types have: for types that are not known in Rust.
    #[track_caller]
    #[must_use]
    pub fn member<U: BpfType>(self, name: &str) -> Ref<'f, U> {
        Ref::new(self.cell, dynamic!(self.cell, b => b.member_as::<U>(self.place, name)))
    }

    /// Sets all of it to zeros.
    #[track_caller]
    pub fn zero(self) {
        dynamic!(self.cell, b => b.zero(self.place));
    }

    /// The same place, read and written exactly as the code says.
    #[must_use]
    pub fn volatile(self) -> Ref<'f, T> {
        let place = dynamic!(self.cell, b => b.volatile(self.place));
        Ref::new(self.cell, place)
    }

    /// The same place, of which no more than this alignment is known, in bytes: a power of two.
    #[track_caller]
    #[must_use]
    pub fn aligned(self, align: u8) -> Ref<'f, T> {
        Ref::new(self.cell, dynamic!(self.cell, b => b.aligned(self.place, align)))
    }

    /// Reads it in one step: an integer or a pointer of whole bytes.
    #[track_caller]
    #[must_use]
    pub fn atomic_load(self, order: Order) -> V<'f, T> {
        V::new(self.cell, dynamic!(self.cell, b => b.atomic_load(self.place, order)))
    }

    /// Writes it in one step: an integer or a pointer of whole bytes.
    #[track_caller]
    pub fn atomic_store(self, value: impl Operand<'f, T>, order: Order) {
        dynamic!(self.cell, b => {
            let value = value.value(&mut b);
            b.atomic_store(self.place, value, order);
        });
    }
}

impl<'f, T: BpfType, const N: usize> Ref<'f, [T; N]> {
    /// An element, counted from 0. A constant index beyond the end is a mistake; others are not checked.
    #[track_caller]
    #[must_use]
    pub fn index<I: Int>(self, index: impl Operand<'f, I>) -> Ref<'f, T> {
        let place = dynamic!(self.cell, b => {
            let index = index.value(&mut b);
            b.index(self.place, index)
        });
        Ref::new(self.cell, place)
    }
}

impl<'f, T: BpfType, const N: usize> V<'f, P<[T; N]>> {
    /// An element of the array that it points to, counted from 0.
    #[track_caller]
    #[must_use]
    pub fn elem<I: Int>(self, index: impl Operand<'f, I>) -> Ref<'f, T> {
        self.deref().index(index)
    }
}

impl<'f, T: Int> Ref<'f, T> {
    /// Writes `new` if `expected` is there, in one step; the result is what was there before.
    #[track_caller]
    pub fn compare_exchange(self, expected: impl Operand<'f, T>, new: impl Operand<'f, T>) -> V<'f, T> {
        let value = dynamic!(self.cell, b => {
            let (expected, new) = (expected.value(&mut b), new.value(&mut b));
            b.compare_exchange(self.place, expected, new, Order::SeqCst)
        });
        V::new(self.cell, value)
    }
}
