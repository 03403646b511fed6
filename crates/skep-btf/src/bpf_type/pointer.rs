//! Pointers as BPF code sees them.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

use super::BpfType;
use crate::builder::BtfBuilder;
use crate::error::Error;
use crate::types::TypeId;

/// A pointer of a BPF program to a `T`, always 8 bytes; `P` alone is a `void *`.
///
/// In Rust it is only a number: an address in the kernel, or in the memory of the program that it was read from.
///
/// ```
/// use skep_btf::P;
///
/// let pointer: P<u32> = P::new(0xffff_8000_0000_1000);
/// assert_eq!(pointer.address(), 0xffff_8000_0000_1000);
/// assert!(P::<u32>::NULL.is_null());
/// ```
#[repr(transparent)]
pub struct P<T = ()> {
    address: u64,
    to: PhantomData<fn() -> T>,
}

impl<T> P<T> {
    /// The pointer to nothing.
    pub const NULL: P<T> = P::new(0);

    /// The pointer to that address.
    #[must_use]
    pub const fn new(address: u64) -> P<T> {
        P { address, to: PhantomData }
    }

    /// Where it points.
    #[must_use]
    pub const fn address(self) -> u64 {
        self.address
    }

    /// Whether it points nowhere.
    #[must_use]
    pub const fn is_null(self) -> bool {
        self.address == 0
    }

    /// The same address as that of another type.
    #[must_use]
    pub const fn cast<U>(self) -> P<U> {
        P::new(self.address)
    }
}

impl<T: BpfType> BpfType for P<T> {
    const SIZE: u32 = 8;
    const ALIGN: u32 = 8;

    fn btf(types: &mut BtfBuilder) -> TypeId {
        let to = T::btf(types);
        types.ptr(to)
    }

    fn write_to(&self, out: &mut [u8]) {
        self.address.write_to(out);
    }

    fn read_from(bytes: &[u8]) -> Result<P<T>, Error> {
        u64::read_from(bytes).map(P::new)
    }
}

// Derived, these would ask the same of `T`.

impl<T> Clone for P<T> {
    fn clone(&self) -> P<T> {
        *self
    }
}

impl<T> Copy for P<T> {}

impl<T> Default for P<T> {
    fn default() -> P<T> {
        P::NULL
    }
}

impl<T> PartialEq for P<T> {
    fn eq(&self, other: &P<T>) -> bool {
        self.address == other.address
    }
}

impl<T> Eq for P<T> {}

impl<T> Hash for P<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.address.hash(state);
    }
}

impl<T> fmt::Debug for P<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.address)
    }
}
