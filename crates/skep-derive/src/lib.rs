//! `#[derive(BpfType)]`: Rust structs, unions and enumerations as BPF types; see [`macro@BpfType`].
//!
//! # Inside
//!
//! `attr` reads attributes, `name` checks what BTF may call things; then there is a file for each sort of type. The
//! macro only arranges: layouts are computed by constant functions of `skep_btf::derive`, from the types of the
//! fields, and bytes are copied by functions from there.

mod attr;
mod enumeration;
mod name;
mod structure;
mod typedef;
mod union;

use proc_macro2::TokenStream;
use syn::{Data, DeriveInput, Error, Result};

use crate::attr::{Layout, Options, Repr};

/// Makes a type one that BPF code has as well: implements the trait `BpfType` of `skep_btf`, and has a constant for
/// each field, which names it and tells its place.
///
/// ```
/// use skep_btf::{BpfType, Btf};
/// use skep_derive::BpfType;
///
/// #[derive(BpfType, Clone, Copy, Debug, PartialEq)]
/// #[bpf(crate = "skep_btf")]
/// #[repr(C)]
/// struct Event {
///     pid: u32,
///     comm: [u8; 16],
///     at: u64,
/// }
///
/// // As in C: `at` is aligned.
/// assert_eq!((Event::SIZE, Event::at.byte_offset()), (32, Some(24)));
///
/// let event = Event { pid: 7, comm: *b"cat\0............", at: 1 << 40 };
/// assert_eq!(Event::read_from(&event.to_bytes()), Ok(event));
///
/// let mut types = Btf::builder();
/// let id = Event::btf(&mut types);
/// assert_eq!(types.build()?.name(id), "Event");
/// # Ok::<(), skep_btf::Error>(())
/// ```
///
/// | what | becomes |
/// |---|---|
/// | `#[repr(C)] struct`, also `packed` or `packed(2)`, `align(8)` | the struct; the fields of a tuple are `__0`, `__1` |
/// | `#[repr(transparent)] struct Port(u16)` | a typedef |
/// | `#[repr(u32)] enum` without data | the enumeration, of the size and sign of that integer |
/// | `#[bpf(union(a: u32, b: [u8; 4]))] #[repr(C, align(4))] struct Either([u8; 4])` | the union, see below |
///
/// All of them must be `Copy`, and have no parameters.
///
/// # Attributes
///
/// | attribute | on | meaning |
/// |---|---|---|
/// | `#[bpf(name = "task_struct")]` | type, field, variant | what BPF calls it, in place of its Rust name; empty for an anonymous type or member |
/// | `#[bpf(bits = 3)]` | field | a bit-field of 3 bits, placed as C does. The field's type is an integer, `bool` or such an enumeration |
/// | `#[bpf(token = other)]` | field | the name of the field's constant, if there is something else of the field's name |
/// | `#[bpf(union(name: Type, ..))]` | struct | the fields of the union that the struct's bytes are |
/// | `#[bpf(crate = "skep_btf")]` | type | where the trait is; `::skep::btf` if not given |
///
/// # Bit-fields
///
/// Rust has none, so that such a struct is smaller in BPF than in Rust. Bytes are exchanged by `write_to` and
/// `read_from` all the same. Of a number too large for its bits, the low bits are written.
///
/// ```
/// # use skep_btf::BpfType;
/// # use skep_derive::BpfType;
/// #[derive(BpfType, Clone, Copy, Debug, PartialEq)]
/// #[bpf(crate = "skep_btf")]
/// #[repr(C)]
/// struct Flags {
///     #[bpf(bits = 1)]
///     open: bool,
///     #[bpf(bits = 3)]
///     level: i8,
///     owner: u16,
/// }
///
/// assert_eq!(Flags::SIZE, 4);
/// assert_eq!((Flags::level.bit_offset, Flags::level.bit_size), (1, Some(3)));
/// let flags = Flags { open: true, level: -2, owner: 9 };
/// assert_eq!(Flags::read_from(&flags.to_bytes()), Ok(flags));
/// ```
///
/// # Unions
///
/// Nobody can read a Rust union without `unsafe`, or know which of its bytes were ever written. A union of BPF is
/// therefore a struct around its bytes:
///
/// ```
/// # use skep_btf::BpfType;
/// # use skep_derive::BpfType;
/// #[derive(BpfType, Clone, Copy)]
/// #[bpf(crate = "skep_btf", union(v4: u32, v6: [u8; 16]))]
/// #[repr(C, align(4))]
/// struct Addr([u8; 16]);
///
/// let mut addr = Addr::v4.make(0x7f00_0001)?;
/// assert_eq!(Addr::v4.get(&addr), Ok(0x7f00_0001));
/// Addr::v6.set(&mut addr, [1; 16]);
/// assert_eq!(Addr::v4.get(&addr), Ok(0x0101_0101));
/// # Ok::<(), skep_btf::Error>(())
/// ```
///
/// # What is refused
///
/// A layout that is Rust's own to choose:
///
/// ```compile_fail
/// # use skep_derive::BpfType;
/// #[derive(BpfType, Clone, Copy)]
/// #[bpf(crate = "skep_btf")]
/// struct Event {
///     pid: u32,
/// }
/// ```
///
/// A type whose size is the host's:
///
/// ```compile_fail,E0277
/// # use skep_derive::BpfType;
/// #[derive(BpfType, Clone, Copy)]
/// #[bpf(crate = "skep_btf")]
/// #[repr(C)]
/// struct Event {
///     count: usize,
/// }
/// ```
///
/// A bit-field that is wider than its type, and a field without a value:
///
/// ```compile_fail,E0080
/// # use skep_derive::BpfType;
/// #[derive(BpfType, Clone, Copy)]
/// #[bpf(crate = "skep_btf")]
/// #[repr(C)]
/// struct Event {
///     #[bpf(bits = 9)]
///     flags: u8,
/// }
/// ```
///
/// ```compile_fail,E0080
/// # use skep_derive::BpfType;
/// #[derive(BpfType, Clone, Copy)]
/// #[bpf(crate = "skep_btf")]
/// #[repr(C)]
/// struct Event {
///     nothing: (),
/// }
/// ```
///
/// A union whose bytes are too few, or whose alignment is too small:
///
/// ```compile_fail,E0080
/// # use skep_derive::BpfType;
/// #[derive(BpfType, Clone, Copy)]
/// #[bpf(crate = "skep_btf", union(v4: u32, v6: [u8; 16]))]
/// #[repr(C, align(4))]
/// struct Addr([u8; 12]);
/// ```
///
/// ```compile_fail,E0080
/// # use skep_derive::BpfType;
/// #[derive(BpfType, Clone, Copy)]
/// #[bpf(crate = "skep_btf", union(v4: u32, v6: [u8; 16]))]
/// #[repr(C)]
/// struct Addr([u8; 16]);
/// ```
#[proc_macro_derive(BpfType, attributes(bpf))]
pub fn derive_bpf_type(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand(input.into()).unwrap_or_else(|error| error.to_compile_error()).into()
}

fn expand(input: TokenStream) -> Result<TokenStream> {
    let input: DeriveInput = syn::parse2(input)?;
    if !input.generics.params.is_empty() {
        let message =
            "a BPF type has one layout: it cannot have parameters; derive it for a struct of concrete types";
        return Err(Error::new_spanned(&input.generics, message));
    }
    let options = Options::read(&input.attrs)?;
    let repr = Repr::read(&input.attrs)?;
    match &input.data {
        Data::Struct(data) => match (&options.union, repr.layout) {
            (Some(fields), _) => union::expand(&input, &options, &repr, &data.fields, fields),
            (None, Layout::Transparent) => typedef::expand(&input, &options, &data.fields),
            (None, Layout::C) => structure::expand(&input, &options, &repr, &data.fields),
            (None, _) => {
                let message = "Rust is free to reorder the fields: add `#[repr(C)]`, which lays them out as BPF has them";
                Err(Error::new_spanned(&input.ident, message))
            }
        },
        Data::Enum(data) => enumeration::expand(&input, &options, &repr, data),
        Data::Union(data) => {
            let message = "a Rust union may hold bytes that were never written, which no map can: make it a struct of \
                           bytes, as `#[bpf(union(a: u32, b: [u8; 16]))] #[repr(C, align(4))] struct Name([u8; 16]);`";
            Err(Error::new_spanned(data.union_token, message))
        }
    }
}

#[cfg(test)]
mod tests;
