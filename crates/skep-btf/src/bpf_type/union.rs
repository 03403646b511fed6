//! Unions, as bytes.

use super::{BpfType, Field};
use crate::bytes::index;
use crate::error::Error;

/// A union, which Rust keeps as its bytes, since only the user knows which of its fields they are.
///
/// `#[derive(BpfType)]` implements it for a struct with the attribute `#[bpf(union(..))]`.
pub trait Union: BpfType {
    /// The bytes, as many as [`BpfType::SIZE`] says.
    fn bytes(&self) -> &[u8];

    /// The bytes, to be changed.
    fn bytes_mut(&mut self) -> &mut [u8];
}

impl<S: Union, T: BpfType> Field<S, T> {
    /// The bytes of a union, read as this field.
    ///
    /// # Errors
    ///
    /// [`Error::Value`] if they are no value of the field's type.
    pub fn get(self, union: &S) -> Result<T, Error> {
        let bytes = union.bytes();
        T::read_from(bytes.get(..index(T::SIZE)).unwrap_or(bytes))
            .map_err(|error| error.inside(format_args!(".{}", self.name)))
    }

    /// Writes this field into a union, whose other bytes stay what they are.
    pub fn set(self, union: &mut S, value: T) {
        value.write_to(&mut union.bytes_mut()[..index(T::SIZE)]);
    }

    /// The union that has this field; the bytes behind it are zero.
    ///
    /// # Errors
    ///
    /// None with a derived union, of which any bytes are a value.
    pub fn make(self, value: T) -> Result<S, Error> {
        let mut bytes = value.to_bytes();
        bytes.resize(index(S::SIZE), 0);
        S::read_from(&bytes)
    }
}
