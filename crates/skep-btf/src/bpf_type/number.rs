//! Numbers.

use super::{BpfType, wrong_size};
use crate::builder::BtfBuilder;
use crate::error::Error;
use crate::types::{IntEncoding, TypeId};

/// A type that C may have as a bit-field: an integer of at most 64 bits, `bool`, or an enumeration.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a bit-field",
    label = "not a `BitField`",
    note = "C has bit-fields of integers up to 64 bits, `bool`, and enumerations"
)]
pub trait BitField: BpfType {
    /// Whether the values are signed.
    const SIGNED: bool;

    /// How many bits a bit-field of this type may have.
    const MAX_BITS: u8;

    /// The value of these bits, which are sign-extended to 64 if the type is signed, else zero-extended.
    ///
    /// # Errors
    ///
    /// [`Error::Value`] if the type has no such value.
    fn from_bits(bits: u64) -> Result<Self, Error>;

    /// The value as 64 bits: sign-extended if the type is signed, else zero-extended.
    fn to_bits(self) -> u64;
}

macro_rules! numbers {
    ($($ty:ident $size:literal $add:expr;)*) => {$(
        impl BpfType for $ty {
            const SIZE: u32 = $size;
            const ALIGN: u32 = $size;

            #[inline]
            fn btf(types: &mut BtfBuilder) -> TypeId {
                let add: fn(&mut BtfBuilder, u32) -> TypeId = $add;
                add(types, $size)
            }

            #[inline]
            fn write_to(&self, out: &mut [u8]) {
                out.copy_from_slice(&self.to_ne_bytes());
            }

            #[inline]
            fn read_from(bytes: &[u8]) -> Result<$ty, Error> {
                bytes.try_into().map($ty::from_ne_bytes).map_err(|_| wrong_size::<$ty>(bytes))
            }
        }
    )*};
}

numbers! {
    u8    1 |types, size| types.int("unsigned char", size, IntEncoding::Unsigned);
    i8    1 |types, size| types.int("signed char", size, IntEncoding::Signed);
    u16   2 |types, size| types.int("unsigned short", size, IntEncoding::Unsigned);
    i16   2 |types, size| types.int("short", size, IntEncoding::Signed);
    u32   4 |types, size| types.int("unsigned int", size, IntEncoding::Unsigned);
    i32   4 |types, size| types.int("int", size, IntEncoding::Signed);
    u64   8 |types, size| types.int("unsigned long long", size, IntEncoding::Unsigned);
    i64   8 |types, size| types.int("long long", size, IntEncoding::Signed);
    u128 16 |types, size| types.int("unsigned __int128", size, IntEncoding::Unsigned);
    i128 16 |types, size| types.int("__int128", size, IntEncoding::Signed);
    f32   4 |types, size| types.float("float", size);
    f64   8 |types, size| types.float("double", size);
}

impl BpfType for bool {
    const SIZE: u32 = 1;
    const ALIGN: u32 = 1;

    fn btf(types: &mut BtfBuilder) -> TypeId {
        types.int("_Bool", 1, IntEncoding::Bool)
    }

    fn write_to(&self, out: &mut [u8]) {
        u8::from(*self).write_to(out);
    }

    fn read_from(bytes: &[u8]) -> Result<bool, Error> {
        match bytes {
            &[byte] => bool::from_bits(byte.into()),
            _ => Err(wrong_size::<bool>(bytes)),
        }
    }
}

macro_rules! bit_fields {
    ($($bits:literal $unsigned:ident $signed:ident;)*) => {$(
        impl BitField for $unsigned {
            const SIGNED: bool = false;
            const MAX_BITS: u8 = $bits;

            #[inline]
            fn from_bits(bits: u64) -> Result<$unsigned, Error> {
                $unsigned::try_from(bits).map_err(|_| no_value::<$unsigned>(bits.into()))
            }

            #[inline]
            fn to_bits(self) -> u64 {
                self.into()
            }
        }

        impl BitField for $signed {
            const SIGNED: bool = true;
            const MAX_BITS: u8 = $bits;

            #[inline]
            fn from_bits(bits: u64) -> Result<$signed, Error> {
                let number = bits.cast_signed();
                $signed::try_from(number).map_err(|_| no_value::<$signed>(number.into()))
            }

            #[inline]
            fn to_bits(self) -> u64 {
                i64::from(self).cast_unsigned()
            }
        }
    )*};
}

bit_fields! {
    8 u8 i8;
    16 u16 i16;
    32 u32 i32;
    64 u64 i64;
}

impl BitField for bool {
    const SIGNED: bool = false;
    const MAX_BITS: u8 = 1;

    fn from_bits(bits: u64) -> Result<bool, Error> {
        match bits {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(no_value::<bool>(bits.into())),
        }
    }

    fn to_bits(self) -> u64 {
        self.into()
    }
}

/// The error for a number that the type has no value for.
#[cold]
pub(crate) fn no_value<T: BpfType>(number: i128) -> Error {
    Error::Value {
        place: String::new(),
        found: format!("the number {number}"),
        expected: format!("one of `{}`", std::any::type_name::<T>()),
    }
}
