//! What types a program has, said by its debug information and said by BTF, and what one of them does not say.
//!
//! This is the judge of the encoder, so it shares no code with it: slow and obvious, over plain `gimli`.
//!
//! * [`mod@file`] finds the sections of an ELF file, and of the files that it refers to.
//! * [`info`] reads entries of DWARF, wherever they are, with their path of names.
//! * [`mod@walk`] lists what there is; [`mod@read`] lists the same from a [`Btf`](skep_btf::Btf).
//! * [`node`] is one type, as both of them see it; [`describe`] writes types as text.
//! * [`facts`] is a list, and [`compare`](mod@compare) tells two of them apart, with reasons.
//! * [`encode`](mod@encode) is the encoder, and [`spell`] how names are spelled in BTF; [`asserts`] writes a C
//!   program that proves a C dump; [`kernel`] asks the kernel.
//!
//! ```no_run
//! use skep_tests::dwarf;
//!
//! let bytes = std::fs::read("vmlinux")?;
//! let walked = dwarf::walk(&bytes, dwarf::Beside::Nothing)?;
//! let encoded = dwarf::encode(&bytes, dwarf::Beside::Nothing)?;
//! let read = dwarf::read(&encoded.btf, &walked);
//! let verdict = dwarf::compare(&walked, &read);
//! assert!(verdict.is_equal(), "{verdict}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use compare::{Verdict, compare};
pub use encode::{encode, encode_with};
pub use facts::Facts;
pub use file::Beside;
pub use read::read;
pub use walk::walk;

pub mod asserts;
pub mod compare;
pub mod describe;
pub mod encode;
pub mod facts;
pub mod file;
pub mod info;
pub mod kernel;
pub mod node;
pub mod read;
pub mod spell;
pub mod walk;

/// Why debug information could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The container.
    #[error("cannot read the ELF file")]
    Elf(#[from] object::Error),
    /// The contents.
    #[error("cannot read DWARF: {0}")]
    Dwarf(String),
    /// The encoder's words.
    #[error("the encoder refuses it: {0}")]
    Refused(String),
    /// Something that refers to nowhere.
    #[error("{0}")]
    Wrong(String),
}

impl From<gimli::Error> for Error {
    fn from(error: gimli::Error) -> Error {
        Error::Dwarf(error.to_string())
    }
}
