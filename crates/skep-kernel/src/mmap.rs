//! Memory that is shared with the kernel: values of maps, and the kernel's types.
#![expect(unsafe_code, reason = "memory that others write")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

/// A mapping, unmapped when dropped.
///
/// Programs may write it at any time, so it is never borrowed as a slice; what it is made of is read and written with
/// atomic operations.
#[derive(Debug)]
pub(crate) struct Shared {
    base: NonNull<u8>,
    len: usize,
    writable: bool,
}

// SAFETY: nothing but atomic operations on memory that stays mapped as long as the value lives.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    /// Maps the first `len` bytes of a map's values.
    pub(crate) fn new(fd: BorrowedFd<'_>, len: usize, writable: bool) -> io::Result<Shared> {
        let base = map(fd, len, writable)?;
        Ok(Shared { base, len, writable })
    }

    /// Reads `to.len()` bytes; numbers that are aligned are read at once. Whether they are all inside.
    pub(crate) fn read(&self, at: usize, to: &mut [u8]) -> bool {
        let Some(place) = self.place(at, to.len()) else { return false };
        // SAFETY: inside of the mapping, and aligned where it says so.
        unsafe {
            match (to.len(), place.addr().get() % 8) {
                (8, 0) => to.copy_from_slice(&load64(place).to_ne_bytes()),
                (4, 0 | 4) => to.copy_from_slice(&load32(place).to_ne_bytes()),
                (2, 0 | 2 | 4 | 6) => to.copy_from_slice(&load16(place).to_ne_bytes()),
                _ => {
                    for (offset, byte) in to.iter_mut().enumerate() {
                        *byte = AtomicU8::from_ptr(place.add(offset).as_ptr()).load(Ordering::Relaxed);
                    }
                }
            }
        }
        true
    }

    /// Writes bytes; numbers that are aligned are written at once. Whether they are all inside, and may be written.
    pub(crate) fn write(&self, at: usize, from: &[u8]) -> bool {
        let Some(place) = self.place(at, from.len()).filter(|_| self.writable) else { return false };
        let word = |bytes: &[u8]| bytes.first_chunk().map(|bytes| u64::from_ne_bytes(*bytes));
        let half = |bytes: &[u8]| bytes.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes));
        let short = |bytes: &[u8]| bytes.first_chunk().map(|bytes| u16::from_ne_bytes(*bytes));
        let aligned = place.addr().get();
        // SAFETY: inside of the mapping, which is writable, and aligned where it says so.
        unsafe {
            match (from.len(), word(from), half(from), short(from)) {
                (8, Some(word), ..) if aligned.is_multiple_of(8) => {
                    AtomicU64::from_ptr(place.cast().as_ptr()).store(word, Ordering::Relaxed);
                }
                (4, _, Some(half), _) if aligned.is_multiple_of(4) => {
                    AtomicU32::from_ptr(place.cast().as_ptr()).store(half, Ordering::Relaxed);
                }
                (2, _, _, Some(short)) if aligned.is_multiple_of(2) => {
                    AtomicU16::from_ptr(place.cast().as_ptr()).store(short, Ordering::Relaxed);
                }
                _ => {
                    for (offset, &byte) in from.iter().enumerate() {
                        AtomicU8::from_ptr(place.add(offset).as_ptr()).store(byte, Ordering::Relaxed);
                    }
                }
            }
        }
        true
    }

    fn place(&self, at: usize, len: usize) -> Option<NonNull<u8>> {
        let is_inside = at.checked_add(len).is_some_and(|end| end <= self.len);
        // SAFETY: inside of the mapping.
        is_inside.then(|| unsafe { self.base.add(at) })
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: mapped in `new` with this length.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.len) };
    }
}

/// # Safety
/// `place` is aligned and mapped.
unsafe fn load64(place: NonNull<u8>) -> u64 {
    // SAFETY: the caller's.
    unsafe { AtomicU64::from_ptr(place.cast().as_ptr()) }.load(Ordering::Relaxed)
}

/// # Safety
/// `place` is aligned and mapped.
unsafe fn load32(place: NonNull<u8>) -> u32 {
    // SAFETY: the caller's.
    unsafe { AtomicU32::from_ptr(place.cast().as_ptr()) }.load(Ordering::Relaxed)
}

/// # Safety
/// `place` is aligned and mapped.
unsafe fn load16(place: NonNull<u8>) -> u16 {
    // SAFETY: the caller's.
    unsafe { AtomicU16::from_ptr(place.cast().as_ptr()) }.load(Ordering::Relaxed)
}

fn map(fd: BorrowedFd<'_>, len: usize, writable: bool) -> io::Result<NonNull<u8>> {
    let protection = if writable { libc::PROT_READ | libc::PROT_WRITE } else { libc::PROT_READ };
    // SAFETY: a new mapping; it replaces nothing.
    let base = unsafe { libc::mmap(ptr::null_mut(), len, protection, libc::MAP_SHARED, fd.as_raw_fd(), 0) };
    if base == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(base.cast()).ok_or_else(|| io::Error::other("mapped at address 0"))
}

/// A file of the kernel that never changes, mapped.
#[derive(Debug)]
pub(crate) struct Constant {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: nobody writes it.
unsafe impl Send for Constant {}
// SAFETY: as above.
unsafe impl Sync for Constant {}

impl Constant {
    /// Maps `/sys/kernel/btf/vmlinux`, or another file of the kernel's BTF, which no one can write or truncate.
    pub(crate) fn of_kernel_btf(fd: BorrowedFd<'_>, len: usize) -> io::Result<Constant> {
        // SAFETY: a new mapping of memory that is private to this one; it replaces nothing.
        let base = unsafe {
            libc::mmap(ptr::null_mut(), len, libc::PROT_READ, libc::MAP_PRIVATE, fd.as_raw_fd(), 0)
        };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base = NonNull::new(base.cast()).ok_or_else(|| io::Error::other("mapped at address 0"))?;
        Ok(Constant { base, len })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: mapped for reading with this length until it is dropped; the kernel keeps its types unchanged.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr(), self.len) }
    }
}

impl Drop for Constant {
    fn drop(&mut self) {
        // SAFETY: mapped in `of_kernel_btf` with this length; nothing borrows it any more.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.len) };
    }
}
