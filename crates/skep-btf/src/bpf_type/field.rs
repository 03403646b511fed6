//! Fields of structs and unions, as values.

use std::fmt;
use std::marker::PhantomData;

/// The field of type `T` of the struct or union `S`, with its place.
///
/// `#[derive(BpfType)]` makes one for each field, as a constant of the struct that has the name of the field:
/// `Event::pid` is a `Field<Event, u32>`.
pub struct Field<S, T> {
    /// What types call it.
    pub name: &'static str,
    /// Where it starts, in bits.
    pub bit_offset: u32,
    /// The width of a bit-field, in bits; `None` for any other field.
    pub bit_size: Option<u8>,
    marker: PhantomData<fn(S) -> T>,
}

impl<S, T> Field<S, T> {
    /// A field that starts at that bit.
    #[must_use]
    pub const fn new(name: &'static str, bit_offset: u32, bit_size: Option<u8>) -> Field<S, T> {
        Field { name, bit_offset, bit_size, marker: PhantomData }
    }

    /// Where it starts, in bytes; `None` for a bit-field, even if it happens to start with a byte.
    #[must_use]
    pub const fn byte_offset(&self) -> Option<u32> {
        match self.bit_size {
            None => Some(self.bit_offset / 8),
            Some(_) => None,
        }
    }
}

// Derived, these would ask the same of `S` and `T`.

impl<S, T> Clone for Field<S, T> {
    fn clone(&self) -> Field<S, T> {
        *self
    }
}

impl<S, T> Copy for Field<S, T> {}

impl<S, T> fmt::Debug for Field<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Field { name, bit_offset, bit_size, .. } = self;
        write!(f, "{name} at bit {bit_offset}")?;
        bit_size.map_or(Ok(()), |bits| write!(f, " of {bits} bits"))
    }
}
