//! Ring buffers.

use std::io;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::{Access, Mapping};

/// A ring buffer that programs write and this process reads.
///
/// In front lies a page with the consumer's position, which is ours, and one with the producer's. The data behind
/// them is mapped twice in a row, so that no record is broken.
#[derive(Debug)]
pub(crate) struct Ring {
    consumer: Mapping,
    /// The producer's page, and the data.
    producer: Mapping,
    page: usize,
    size: u64,
}

/// What the first word of a record says besides its length.
const BUSY: u32 = 1 << 31;
const DISCARD: u32 = 1 << 30;
/// Bytes in front of a record.
const HEADER: usize = 8;

/// What stands at the consumer's position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing, or a record that is still being written.
    Nothing,
    /// A record, or the place of one that was thrown away.
    Record {
        /// Where its bytes begin in the data, and how many they are.
        at: usize,
        len: usize,
        discarded: bool,
    },
}

impl Ring {
    /// Maps a ring buffer with that many bytes of data, a power of two.
    pub(crate) fn new(fd: BorrowedFd<'_>, size: usize, page: usize) -> io::Result<Ring> {
        let too_large = || io::Error::from_raw_os_error(libc::E2BIG);
        let len = size.checked_mul(2).and_then(|len| len.checked_add(page)).ok_or_else(too_large)?;
        Ok(Ring {
            consumer: Mapping::new(fd, 0, page, Access::Write)?,
            producer: Mapping::new(fd, page, len, Access::Read)?,
            page,
            size: u64::try_from(size).map_err(|_| too_large())?,
        })
    }

    pub(crate) fn next(&self) -> Next {
        let position = self.position().load(Ordering::Relaxed);
        // SAFETY: the producer's page begins with its position.
        let produced =
            unsafe { AtomicU64::from_ptr(self.producer.base.cast().as_ptr()) }.load(Ordering::Acquire);
        if position >= produced {
            return Next::Nothing;
        }
        let at = self.offset(position);
        let Some(header) = self.data(at, HEADER) else { return Next::Nothing };
        // SAFETY: records begin at multiples of 8 bytes, inside of the data.
        let word = unsafe { AtomicU32::from_ptr(header.cast().as_ptr()) }.load(Ordering::Acquire);
        if word & BUSY != 0 {
            return Next::Nothing;
        }
        let len = usize::try_from(word & !(BUSY | DISCARD)).unwrap_or(usize::MAX);
        match at.checked_add(HEADER).filter(|&at| self.data(at, len).is_some()) {
            Some(at) => Next::Record { at, len, discarded: word & DISCARD != 0 },
            None => Next::Nothing,
        }
    }

    /// The bytes of the record that [`Ring::next`] has told. They do not change until [`Ring::advance`].
    pub(crate) fn bytes(&self, at: usize, len: usize) -> &[u8] {
        // SAFETY: the kernel writes no record that is complete, and reuses its place only when the consumer's position
        // has passed it; nobody else can write there. `advance` takes the ring mutably.
        self.data(at, len).map_or(&[], |place| unsafe { std::slice::from_raw_parts(place.as_ptr(), len) })
    }

    /// Gives the place of a record of that length back to programs.
    pub(crate) fn advance(&mut self, len: usize) {
        let taken = len.saturating_add(HEADER).next_multiple_of(8);
        let position = self.position();
        let next = position.load(Ordering::Relaxed).wrapping_add(u64::try_from(taken).unwrap_or(0));
        position.store(next, Ordering::Release);
    }

    fn position(&self) -> &AtomicU64 {
        // SAFETY: the consumer's page begins with its position; it stays mapped as long as `self` lives.
        unsafe { AtomicU64::from_ptr(self.consumer.base.cast().as_ptr()) }
    }

    /// Where a position lies in the data: it counts on, round after round.
    fn offset(&self, position: u64) -> usize {
        usize::try_from(position & (self.size - 1) & !7).unwrap_or(0)
    }

    fn data(&self, at: usize, len: usize) -> Option<NonNull<u8>> {
        self.producer.place(self.page.checked_add(at)?, len)
    }
}
