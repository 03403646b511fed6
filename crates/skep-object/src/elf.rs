//! Objects from and to ELF.
//!
//! Reading takes out what differs between compilers: byte order, the dialect of relocations, how `callx` names its
//! register, where BTF stands still to be relocated. Writing is always clang's dialect, without differences.
//!
//! [`read`] never panics, whatever the bytes, and takes time and memory in proportion to the file. Every relocation
//! of the file is either in the [`Object`], or applied to its type information, or belongs to a section that no
//! program consists of (DWARF, `.eh_frame`, notes).

mod dialect;
mod header;
mod raw;
mod relocs;
mod sections;
mod symbols;
mod types;
mod write;

use crate::error::Error;
use crate::object::Object;
use header::File;

/// Reads an ELF64 relocatable BPF object of either byte order.
///
/// # Errors
/// If the bytes are something else (the error says what, and what to do), or the first damage, with its place.
pub fn read(name: &str, bytes: &[u8]) -> Result<Object, Error> {
    let file = File::open(bytes)?;
    let mut object = Object { name: name.to_owned(), endian: file.endian(), ..Object::default() };
    let kept = sections::keep(&file, &mut object)?;
    let symbols = symbols::read(&file, &kept, &mut object)?;
    let tables = relocs::tables(&file, &kept, &symbols)?;
    let dialect = dialect::detect(&file, &object, &symbols, &tables)?;
    object.divisible = dialect::is_divisible(&file, dialect);
    relocs::take(&mut object, &symbols, &tables, dialect)?;
    types::read(&file, &mut object, &kept, &symbols, &tables, dialect)?;
    object.index()?;
    Ok(object)
}

pub(crate) use types::place_variables;
pub use write::write;
