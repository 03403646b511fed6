//! The types of the running kernel: where they say by which number something is known.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;

use skep_btf::{Kind, TypeId};
use skep_object::nearest::nearest;

use crate::error::Error;
use crate::mmap::Constant;
use crate::types::{self, ById, Header, string};

const PATH: &str = "/sys/kernel/btf/vmlinux";

/// The kernel's types, which are opened when something is looked up.
#[derive(Debug, Default)]
pub(crate) struct KernelTypes {
    bytes: Option<Bytes>,
}

#[derive(Debug)]
enum Bytes {
    Mapped(Constant),
    Read(Vec<u8>),
}

impl KernelTypes {
    /// The types of these kinds and names.
    pub(crate) fn find(&mut self, wanted: &[(Kind, &str)]) -> Result<Vec<Option<TypeId>>, Error> {
        let mut found = vec![None; wanted.len()];
        let mut missing = wanted.len();
        let names: Vec<Name<'_>> = wanted.iter().map(|(_, name)| Name::new(name)).collect();
        let header = self.header()?;
        for (id, kind, at) in types::names(header.types, |kind| wanted.iter().any(|(k, _)| *k == kind)) {
            let rest = usize::try_from(at).ok().and_then(|at| header.strings.get(at..)).unwrap_or_default();
            for (((wanted, _), name), found) in wanted.iter().zip(&names).zip(&mut found) {
                if name.begins(rest) && *wanted == kind && found.is_none() {
                    *found = Some(TypeId(id));
                    missing -= 1;
                }
            }
            if missing == 0 {
                break;
            }
        }
        Ok(found)
    }

    /// All types by their ids, for whoever follows from one to another.
    pub(crate) fn by_id(&mut self) -> Result<ById<'_>, Error> {
        Ok(ById::new(self.header()?.types))
    }

    /// The names most like one that there is none of.
    pub(crate) fn nearest(&mut self, kind: Kind, prefix: &str, name: &str) -> Vec<String> {
        let Ok(header) = self.header() else { return Vec::new() };
        let names = types::names(header.types, |k| k == kind).filter_map(|(_, _, at)| {
            std::str::from_utf8(string(header.strings, at)).ok()?.strip_prefix(prefix)
        });
        nearest(name, names)
    }

    /// Types and strings as they are.
    pub(crate) fn header(&mut self) -> Result<Header<'_>, Error> {
        let fail = |source| Error::KernelTypes { path: PATH, source };
        if self.bytes.is_none() {
            self.bytes = Some(read().map_err(fail)?);
        }
        let bytes = match &self.bytes {
            Some(Bytes::Mapped(bytes)) => bytes.bytes(),
            Some(Bytes::Read(bytes)) => bytes,
            None => &[],
        };
        Header::parse(bytes)
            .ok_or_else(|| fail(io::Error::other("it is not BTF of this machine's byte order")))
    }
}

fn read() -> io::Result<Bytes> {
    let mut file = File::open(PATH)?;
    let len = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
    // Since Linux 6.16; without a copy this is much faster.
    if let Ok(mapped) = Constant::of_kernel_btf(file.as_fd(), len) {
        return Ok(Bytes::Mapped(mapped));
    }
    let mut bytes = Vec::with_capacity(len);
    file.read_to_end(&mut bytes)?;
    Ok(Bytes::Read(bytes))
}

/// A name that is looked for among many.
struct Name<'a> {
    name: &'a str,
    /// Its first bytes, and which of them count.
    start: u64,
    mask: u64,
}

impl Name<'_> {
    fn new(name: &str) -> Name<'_> {
        let mut start = [0; 8];
        let mut mask = [0; 8];
        // With the zero byte behind it.
        for (index, byte) in name.bytes().chain([0]).take(8).enumerate() {
            (start[index], mask[index]) = (byte, 0xff);
        }
        Name { name, start: u64::from_ne_bytes(start), mask: u64::from_ne_bytes(mask) }
    }

    /// Whether the string that `rest` begins with is this name.
    fn begins(&self, rest: &[u8]) -> bool {
        let is_near =
            rest.first_chunk().is_none_or(|first| u64::from_ne_bytes(*first) & self.mask == self.start);
        is_near && rest.strip_prefix(self.name.as_bytes()).is_some_and(|rest| rest.first() == Some(&0))
    }
}

#[cfg(test)]
mod tests {
    use super::Name;

    #[test]
    fn names_are_whole_strings() {
        for (name, strings, expected) in [
            ("vfs_read", &b"vfs_read\0x"[..], true),
            ("vfs_read", b"vfs_readv\0", false),
            ("vfs_read", b"vfs_read", false),
            ("a", b"a\0bcdefgh", true),
            ("a", b"ab\0cdefgh", false),
            ("a", b"a\0", true),
            ("", b"\0", true),
            ("", b"abcdefghijk", false),
            ("abcdefg", b"abcdefg\0", true),
        ] {
            assert_eq!(Name::new(name).begins(strings), expected, "{name} {strings:?}");
        }
    }
}
