//! Arrays.

use super::{BpfType, wrong_size};
use crate::builder::BtfBuilder;
use crate::bytes::index;
use crate::error::Error;
use crate::types::TypeId;

impl<T: BpfType, const N: usize> BpfType for [T; N] {
    const SIZE: u32 = {
        assert!(!T::VOID, "an array of `()`: void has no values");
        let Some(size) = T::SIZE.checked_mul(len(N)) else { panic!("the array is larger than 4 GiB") };
        size
    };
    const ALIGN: u32 = T::ALIGN;
    const NATIVE: bool = T::NATIVE;

    fn btf(types: &mut BtfBuilder) -> TypeId {
        let elem = T::btf(types);
        types.array_of(elem, len(N))
    }

    fn write_to(&self, out: &mut [u8]) {
        assert_eq!(out.len(), index(Self::SIZE), "an array has a fixed size");
        for (i, value) in self.iter().enumerate() {
            value.write_to(&mut out[i * index(T::SIZE)..][..index(T::SIZE)]);
        }
    }

    fn read_from(bytes: &[u8]) -> Result<[T; N], Error> {
        if bytes.len() != index(Self::SIZE) {
            return Err(wrong_size::<[T; N]>(bytes));
        }
        if N == 0 {
            let none: &[T] = &[];
            return none.try_into().map_err(|_| wrong_size::<[T; N]>(bytes));
        }
        let value = |i: usize| {
            T::read_from(&bytes[i * index(T::SIZE)..][..index(T::SIZE)])
                .map_err(|error| error.inside(format_args!("[{i}]")))
        };
        let mut values = [value(0)?; N];
        for (i, slot) in values.iter_mut().enumerate().skip(1) {
            *slot = value(i)?;
        }
        Ok(values)
    }
}

/// The length of an array, as types have it.
#[expect(clippy::cast_possible_truncation, reason = "checked; conversions are not const")]
const fn len(len: usize) -> u32 {
    assert!(len as u128 <= u32::MAX as u128, "an array of more than 2³²-1 elements");
    len as u32
}
