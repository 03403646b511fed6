//! The kernel's types.

use std::io;
use std::os::fd::BorrowedFd;

use super::{Access, Mapping};

/// A file of the kernel that never changes.
#[derive(Debug)]
pub(crate) struct Constant(Mapping);

impl Constant {
    /// Maps `/sys/kernel/btf/vmlinux`, or another file of the kernel's BTF, which no one can write or truncate.
    pub(crate) fn of_kernel_btf(fd: BorrowedFd<'_>, len: usize) -> io::Result<Constant> {
        Mapping::new(fd, 0, len, Access::Private).map(Constant)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: mapped for reading with this length as long as it lives; the kernel keeps its types unchanged.
        unsafe { std::slice::from_raw_parts(self.0.base.as_ptr(), self.0.len) }
    }
}
