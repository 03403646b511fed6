//! Rust types that BPF code has as well.

mod array;
mod field;
pub(crate) mod layout;
mod number;
mod pointer;
mod union;

pub use self::field::Field;
pub use self::number::BitField;
pub(crate) use self::number::no_value;
pub use self::pointer::P;
pub use self::union::Union;

use crate::builder::BtfBuilder;
use crate::error::Error;
use crate::types::TypeId;

/// A type whose values Rust and BPF code share, in a map, a global variable or a context: how its values lie in the
/// memory of a BPF program, and what it is called there.
///
/// Integers, `bool`, `f32` and `f64`, arrays, pointers ([`P`]) and `()`, which is void, are such types; structs and
/// enumerations become one by `#[derive(BpfType)]`. `usize` and `isize` are none, since their size is the host's.
///
/// Values become bytes and come back without `unsafe`, in the byte order of this machine, which is that of the BPF
/// programs it runs.
///
/// | Rust | C, and the name of the type |
/// |---|---|
/// | `u8`, `i8` | `unsigned char`, `signed char` |
/// | `u16`, `i16` | `unsigned short`, `short` |
/// | `u32`, `i32` | `unsigned int`, `int` |
/// | `u64`, `i64` | `unsigned long long`, `long long` |
/// | `u128`, `i128` | `unsigned __int128`, `__int128` |
/// | `bool` | `_Bool` |
/// | `f32`, `f64` | `float`, `double`, which BPF code can move, but not calculate with |
/// | `P<T>` | `T *` |
/// | `[T; N]` | `T[N]` |
/// | `()` | `void` |
///
/// ```
/// use skep_btf::{BpfType, Btf, P};
///
/// assert_eq!((<[u16; 3]>::SIZE, <[u16; 3]>::ALIGN), (6, 2));
/// let bytes = [1_u16, 2, 3].to_bytes();
/// assert_eq!(<[u16; 3]>::read_from(&bytes), Ok([1, 2, 3]));
/// assert!(bool::read_from(&[7]).is_err());
///
/// let mut types = Btf::builder();
/// let ty = P::<u32>::btf(&mut types);
/// assert_eq!(P::<u32>::btf(&mut types), ty);
/// # Ok::<(), skep_btf::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a type that BPF code has",
    label = "not a `BpfType`",
    note = "a struct or an enumeration becomes one by `#[derive(BpfType)]`; a pointer is a `P<T>`; in place of `usize` \
            and `isize`, whose size is the host's, use `u64` and `i64`"
)]
pub trait BpfType: Copy + 'static {
    /// How many bytes a value takes.
    const SIZE: u32;

    /// What the address of a value is a multiple of, in bytes; a power of two.
    const ALIGN: u32;

    /// Whether Rust lays values out in the same way. It does not where C has bit-fields.
    #[doc(hidden)]
    const NATIVE: bool = true;

    /// Whether this is void, which nothing can hold.
    #[doc(hidden)]
    const VOID: bool = false;

    /// Adds the type to a set, with all that it consists of, or finds it there.
    fn btf(types: &mut BtfBuilder) -> TypeId;

    /// Writes the value, padding as zeros.
    ///
    /// # Panics
    ///
    /// If `out` is not [`SIZE`](BpfType::SIZE) bytes long.
    fn write_to(&self, out: &mut [u8]);

    /// The value that [`write_to`](BpfType::write_to) wrote; what is in the padding does not matter.
    ///
    /// # Errors
    ///
    /// [`Error::Value`] if there are not [`SIZE`](BpfType::SIZE) bytes, or if they are no value of the type: a `bool`
    /// that is neither 0 nor 1, a number that an enumeration does not declare.
    fn read_from(bytes: &[u8]) -> Result<Self, Error>;

    /// The value as [`SIZE`](BpfType::SIZE) bytes.
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; crate::bytes::index(Self::SIZE)];
        self.write_to(&mut bytes);
        bytes
    }
}

/// Void.
impl BpfType for () {
    const SIZE: u32 = 0;
    const ALIGN: u32 = 1;
    const VOID: bool = true;

    fn btf(_: &mut BtfBuilder) -> TypeId {
        TypeId::VOID
    }

    fn write_to(&self, out: &mut [u8]) {
        assert!(out.is_empty(), "void has no bytes");
    }

    fn read_from(bytes: &[u8]) -> Result<(), Error> {
        if bytes.is_empty() { Ok(()) } else { Err(wrong_size::<()>(bytes)) }
    }
}

/// The error for bytes that are too many or too few.
#[cold]
pub(crate) fn wrong_size<T: BpfType>(bytes: &[u8]) -> Error {
    Error::Value {
        place: String::new(),
        found: format!("{} bytes", bytes.len()),
        expected: format!("the {} of `{}`", T::SIZE, std::any::type_name::<T>()),
    }
}
