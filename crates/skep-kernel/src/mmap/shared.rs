//! Values of maps.

use std::io;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

use super::{Access, Mapping};

/// The first bytes of a map's values.
///
/// Programs may write them at any time, so they are never borrowed as a slice; all is read and written with atomic
/// operations.
#[derive(Debug)]
pub(crate) struct Shared {
    mapping: Mapping,
    writable: bool,
}

impl Shared {
    /// Maps the first `len` bytes of a map's values.
    pub(crate) fn new(fd: BorrowedFd<'_>, len: usize, writable: bool) -> io::Result<Shared> {
        let access = if writable { Access::Write } else { Access::Read };
        Ok(Shared { mapping: Mapping::new(fd, 0, len, access)?, writable })
    }

    /// Maps an arena, to an address if that is not 0.
    pub(crate) fn arena(fd: BorrowedFd<'_>, len: usize, address: usize) -> io::Result<Shared> {
        Ok(Shared { mapping: Mapping::at(address, fd, 0, len, Access::Write)?, writable: true })
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

    /// How many bytes there are.
    pub(crate) fn len(&self) -> usize {
        self.mapping.len
    }

    fn place(&self, at: usize, len: usize) -> Option<NonNull<u8>> {
        self.mapping.place(at, len)
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
