//! What the code of `#[derive(BpfType)]` calls. No part of the public interface: it changes with the macro.

use std::any;

use crate::bpf_type::{BitField, BpfType, Field, no_value, wrong_size};
use crate::builder::{BtfBuilder, RustType};
use crate::bytes::index;
use crate::error::Error;
use crate::kind::Kind;
use crate::types::{Composite, Member, Type, TypeId};

pub use crate::bpf_type::layout::{Layout, Rules, Shape};

/// Adds a struct or union, or finds it. It is declared first only if its members lead back to it.
pub fn composite<T: BpfType, const N: usize>(
    types: &mut BtfBuilder,
    kind: Kind,
    name: &str,
    members: fn(&mut BtfBuilder) -> [Member; N],
) -> TypeId {
    let key = any::TypeId::of::<T>();
    match types.rust_types.get(&key) {
        Some(&(RustType::Declared(id) | RustType::Done(id))) => return id,
        Some(RustType::Open) => {
            let id = types.declare(kind, name, T::SIZE);
            types.rust_types.insert(key, RustType::Declared(id));
            return id;
        }
        None => {}
    }
    types.rust_types.insert(key, RustType::Open);
    let members = members(types);
    let id = match types.rust_types.get(&key) {
        Some(&RustType::Declared(id)) => {
            types.define(id, &members);
            id
        }
        _ => {
            let body = Composite { size: T::SIZE, members: &members };
            types.add(name, if kind == Kind::Union { Type::Union(body) } else { Type::Struct(body) })
        }
    };
    types.rust_types.insert(key, RustType::Done(id));
    id
}

/// A member of a struct or union.
pub fn member<S, T: BpfType>(types: &mut BtfBuilder, field: Field<S, T>) -> Member {
    let ty = T::btf(types);
    let member = types.member(field.name, ty, field.bit_offset);
    Member { bitfield_size: field.bit_size.unwrap_or(0), ..member }
}

/// Adds the typedef `T` of `Of`, or finds it.
pub fn typedef<T: BpfType, Of: BpfType>(types: &mut BtfBuilder, name: &str) -> TypeId {
    let key = any::TypeId::of::<T>();
    match types.rust_types.get(&key) {
        Some(&(RustType::Declared(id) | RustType::Done(id))) => id,
        Some(RustType::Open) => {
            types.typedef_of_itself(name);
            TypeId::VOID
        }
        None => {
            types.rust_types.insert(key, RustType::Open);
            let of = Of::btf(types);
            let id = types.typedef(name, of);
            types.rust_types.insert(key, RustType::Done(id));
            id
        }
    }
}

/// Adds an enumeration, or finds it.
pub fn enumeration<T: BitField, const N: usize>(
    types: &mut BtfBuilder,
    name: &str,
    values: [(&str, i64); N],
) -> TypeId {
    let values = values.map(|(name, value)| types.enumerator(name, value));
    types.enumeration(name, T::SIZE, T::SIGNED, &values)
}

/// Prepares the bytes of a value.
#[inline]
pub fn clear<T: BpfType>(out: &mut [u8]) {
    assert_eq!(out.len(), index(T::SIZE), "the bytes of a value are as many as its type says");
    out.fill(0);
}

/// Writes a field.
#[inline]
pub fn put<S, T: BpfType>(field: Field<S, T>, value: T, out: &mut [u8]) {
    value.write_to(&mut out[index(field.bit_offset / 8)..][..index(T::SIZE)]);
}

/// Writes a bit-field, whose bits are zero so far. Of a number that is too large, the low bits are written, as in C.
#[inline]
pub fn put_bits<S, T: BitField>(field: Field<S, T>, value: T, out: &mut [u8]) {
    let window = Window::of(&field);
    let raw = u128::from(value.to_bits() & window.mask) << window.shift;
    for (i, byte) in raw.to_le_bytes().into_iter().take(window.len).enumerate() {
        out[window.byte(i)] |= byte;
    }
}

/// Refuses what is not as many bytes as a value has.
///
/// # Errors
///
/// [`Error::Value`].
#[inline]
pub fn check_len<T: BpfType>(bytes: &[u8]) -> Result<(), Error> {
    if bytes.len() == index(T::SIZE) { Ok(()) } else { Err(wrong_size::<T>(bytes)) }
}

/// Reads a field from the bytes of its struct.
///
/// # Errors
///
/// [`Error::Value`] if they are no value of its type.
#[inline]
pub fn get<S, T: BpfType>(field: Field<S, T>, bytes: &[u8]) -> Result<T, Error> {
    T::read_from(&bytes[index(field.bit_offset / 8)..][..index(T::SIZE)])
        .map_err(|error| error.inside(format_args!(".{}", field.name)))
}

/// Reads a bit-field from the bytes of its struct.
///
/// # Errors
///
/// [`Error::Value`] if its bits are no value of its type.
#[inline]
pub fn get_bits<S, T: BitField>(field: Field<S, T>, bytes: &[u8]) -> Result<T, Error> {
    let window = Window::of(&field);
    let raw = (0..window.len).rev().fold(0_u128, |raw, i| raw << 8 | u128::from(bytes[window.byte(i)]));
    let bits = u64::try_from(raw >> window.shift & u128::from(window.mask)).unwrap_or_default();
    let negative = T::SIGNED && bits > window.mask >> 1;
    T::from_bits(if negative { bits | !window.mask } else { bits })
        .map_err(|error| error.inside(format_args!(".{}", field.name)))
}

/// The error for a number that an enumeration does not declare.
#[must_use]
#[cold]
pub fn undeclared<T: BpfType>(number: i128) -> Error {
    no_value::<T>(number)
}

/// The bytes that hold a bit-field, as one number.
struct Window {
    start: usize,
    len: usize,
    /// Where the field is in the number, in bits from the lowest.
    shift: u32,
    /// The field's bits, at its place 0.
    mask: u64,
}

impl Window {
    #[inline]
    fn of<S, T: BitField>(field: &Field<S, T>) -> Window {
        let bits = u32::from(field.bit_size.unwrap_or(T::MAX_BITS));
        let skipped = field.bit_offset % 8;
        let len = (skipped + bits).div_ceil(8);
        // Bits are counted from the lowest of the first byte; on a big-endian machine, from its highest.
        let shift = if cfg!(target_endian = "big") { len * 8 - bits - skipped } else { skipped };
        Window {
            start: index(field.bit_offset / 8),
            len: index(len),
            shift,
            mask: u64::MAX.checked_shr(64 - bits).unwrap_or_default(),
        }
    }

    /// Where byte `i` of the number is, from its lowest.
    #[inline]
    fn byte(&self, i: usize) -> usize {
        self.start + if cfg!(target_endian = "big") { self.len - 1 - i } else { i }
    }
}
