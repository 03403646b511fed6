//! Memory that is shared with the kernel: values of maps, ring buffers, and the kernel's types.
#![expect(unsafe_code, reason = "memory that others write")]

mod constant;
mod ring;
mod shared;

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::{self, NonNull};

pub(crate) use constant::Constant;
pub(crate) use ring::{Next, Ring};
pub(crate) use shared::Shared;

/// Memory that is unmapped when this is dropped.
#[derive(Debug)]
struct Mapping {
    base: NonNull<u8>,
    len: usize,
}

/// What is done with memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    /// It is read, while others write it.
    Read,
    /// It is read and written, as others do.
    Write,
    /// It is read; nobody writes it.
    Private,
}

// SAFETY: an address and a length; those who use it see to what is there.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    fn new(fd: BorrowedFd<'_>, offset: usize, len: usize, access: Access) -> io::Result<Mapping> {
        Mapping::at(0, fd, offset, len, access)
    }

    /// Maps to an address, where nothing may be; 0 lets the kernel choose.
    fn at(
        address: usize,
        fd: BorrowedFd<'_>,
        offset: usize,
        len: usize,
        access: Access,
    ) -> io::Result<Mapping> {
        let offset = libc::off_t::try_from(offset).map_err(io::Error::other)?;
        let protection = match access {
            Access::Read | Access::Private => libc::PROT_READ,
            Access::Write => libc::PROT_READ | libc::PROT_WRITE,
        };
        let flags = if access == Access::Private { libc::MAP_PRIVATE } else { libc::MAP_SHARED };
        let flags = if address == 0 { flags } else { flags | libc::MAP_FIXED_NOREPLACE };
        let address = ptr::without_provenance_mut(address);
        // SAFETY: a new mapping; it replaces nothing.
        let base = unsafe { libc::mmap(address, len, protection, flags, fd.as_raw_fd(), offset) };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base = NonNull::new(base.cast()).ok_or_else(|| io::Error::other("mapped at address 0"))?;
        Ok(Mapping { base, len })
    }

    /// Where `len` bytes begin, if they are all inside.
    fn place(&self, at: usize, len: usize) -> Option<NonNull<u8>> {
        let is_inside = at.checked_add(len).is_some_and(|end| end <= self.len);
        // SAFETY: inside of the mapping.
        is_inside.then(|| unsafe { self.base.add(at) })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped in `new` with this length; nothing borrows it any more.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.len) };
    }
}
