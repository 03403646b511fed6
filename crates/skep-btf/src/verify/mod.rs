//! What a kernel would say to types: the rules of `BPF_BTF_LOAD`, found by experiment.
//!
//! The kernel looks at types in passes, and so does this: the header, each type by itself, what types refer to, and
//! what only the whole tells. The first rule that is broken is the kernel's answer, so the order is part of the rules.
//! Each has a row in the table of `refusal`, and a probe in the tests, which compare with the running kernel.

mod blob;
mod fields;
mod header;
mod members;
mod modifiers;
mod names;
mod refusal;
mod resolve;
mod shape;
mod version;

pub use refusal::{Element, Errno, Refusal, Rule};
pub use version::{KernelVersion, NotAVersion, Rules};

pub(crate) use names::{ident_problem, section_problem};
pub(crate) use version::Feature;

use refusal::Fault;

/// Says what a kernel of these rules would say if it was to load the bytes of a `.BTF` section (`BPF_BTF_LOAD`).
///
/// The bytes are in the byte order of the machine. Takes time and memory in proportion to their number.
///
/// ```
/// use skep_btf::{Btf, Endian, IntEncoding, Rules, verify};
///
/// let mut types = Btf::builder();
/// types.int("int", 4, IntEncoding::Signed);
/// types.typedef("a b", skep_btf::TypeId(1));
/// let bytes = types.build()?.to_bytes(Endian::HOST);
///
/// let refusal = verify(&bytes, &Rules::current()).unwrap_err();
/// assert_eq!(
///     refusal.to_string(),
///     "type [2] BTF_KIND_TYPEDEF 'a b': the name has the byte 0x20, expected an identifier: letters, digits, `_` and `.`, \
///      no digit first; give it a name that C would take (`mangle`) (EINVAL, \"Invalid name\")"
/// );
/// # Ok::<(), skep_btf::Error>(())
/// ```
///
/// # Errors
///
/// The first refusal, in the order in which the kernel looks.
pub fn verify(bytes: &[u8], rules: &Rules) -> Result<(), Refusal> {
    let parts = header::parts(bytes).map_err(Fault::of_blob)?;
    let blob = match shape::check(&parts, rules) {
        Ok(blob) => blob,
        Err(fault) => return Err(fault.of_part(&parts)),
    };
    let checked = resolve::check(&blob, rules)
        .and_then(|()| modifiers::check(&blob))
        .and_then(|()| fields::check(&blob, rules));
    checked.map_err(|fault| fault.of_part(&parts))
}
