//! The types of the running kernel: where they say by which number something is known.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;

use skep_btf::{Kind, TypeId};
use skep_object::nearest::nearest;

use crate::error::Error;
use crate::mmap::Constant;
use crate::types::{Header, records, string};

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
        let header = self.open()?;
        for (record, id) in records(header.types).zip(1..) {
            for (&(kind, name), found) in wanted.iter().zip(&mut found) {
                if kind == record.kind && found.is_none() && string_is(header.strings, record.name, name) {
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

    /// The names most like one that there is none of.
    pub(crate) fn nearest(&mut self, kind: Kind, prefix: &str, name: &str) -> Vec<String> {
        let Ok(header) = self.open() else { return Vec::new() };
        let names = records(header.types).filter(|record| record.kind == kind).filter_map(|record| {
            std::str::from_utf8(string(header.strings, record.name)).ok()?.strip_prefix(prefix)
        });
        nearest(name, names)
    }

    fn open(&mut self) -> Result<Header<'_>, Error> {
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

fn string_is(strings: &[u8], at: u32, name: &str) -> bool {
    let rest = usize::try_from(at).ok().and_then(|at| strings.get(at..)).unwrap_or_default();
    rest.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.first() == Some(&0))
}
