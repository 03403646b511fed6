//! Archives of objects, as `ar` makes them.

use ::object::read::archive::ArchiveFile;

use crate::elf;
use crate::error::Error;
use crate::object::Object;

/// What archives begin with; thin ones hold only the names of their members.
const MAGIC: &[u8] = b"!<arch>\n";
const THIN_MAGIC: &[u8] = b"!<thin>\n";

/// Whether bytes are an archive, thin or not.
#[must_use]
pub fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC) || bytes.starts_with(THIN_MAGIC)
}

/// Reads every object of an archive, in order, in the formats of GNU, LLVM and BSD. `name` is what messages call the
/// archive; its members are called `libx.a(y.o)`.
///
/// # Errors
/// If the archive is thin, damaged or cut off, or if one of its members is no BPF object.
pub fn read(name: &str, bytes: &[u8]) -> Result<Vec<Object>, Error> {
    if bytes.starts_with(THIN_MAGIC) {
        let what = "it is thin, and holds only the names of its members; make it without T (`ar rcs`)";
        return Err(Error::Ar { what: what.to_owned() });
    }
    let damaged = |error: ::object::Error| Error::Ar { what: format!("{error}; it is damaged or cut off") };
    let archive = ArchiveFile::parse(bytes).map_err(damaged)?;
    let mut objects = Vec::new();
    for member in archive.members() {
        let member = member.map_err(damaged)?;
        let own = String::from_utf8_lossy(member.name()).into_owned();
        let contents = member.data(bytes).map_err(damaged)?;
        let object = elf::read(&format!("{name}({own})"), contents);
        objects.push(object.map_err(|source| Error::Member { member: own, source: Box::new(source) })?);
    }
    Ok(objects)
}
