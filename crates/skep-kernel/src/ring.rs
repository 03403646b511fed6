//! Reading ring buffers.

use std::fmt;
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use skep_btf::maps::MapType;

use crate::error::Error;
use crate::map::Map;
use crate::mmap::{Next, Ring};
use crate::sys;

/// Reads what programs write to a map of type `BPF_MAP_TYPE_RINGBUF`. There must be only one reader of a map.
///
/// ```no_run
/// # fn f(loaded: &skep_kernel::Loaded) -> Result<(), skep_kernel::Error> {
/// let mut events = skep_kernel::RingBuffer::new(loaded.map_raw("events")?)?;
/// while events.wait(None)? {
///     while let Some(event) = events.next() {
///         eprintln!("{} bytes: {:?}", event.len(), &event[..]);
///     }
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct RingBuffer {
    ring: Ring,
    fd: OwnedFd,
    map: String,
    /// Whether the map has a reader; this one.
    is_read: Arc<AtomicBool>,
}

impl RingBuffer {
    /// Reads a map from where the last reader stopped.
    ///
    /// # Errors
    /// If it is no ring buffer, has a reader, or cannot be mapped.
    pub fn new(map: &Map) -> Result<RingBuffer, Error> {
        if map.ty() != MapType::RINGBUF {
            return Err(map.wrong_sort(&format!("it is no ring buffer, but {map}")));
        }
        let share = |source| map.error("share", source);
        let size = usize::try_from(map.max_entries()).unwrap_or(usize::MAX);
        let ring = Ring::new(map.as_fd(), size, sys::page_size()).map_err(share)?;
        let fd = map.as_fd().try_clone_to_owned().map_err(share)?;
        let is_read = Arc::clone(map.is_read());
        // Two would take records from under each other.
        if is_read.swap(true, Ordering::Relaxed) {
            return Err(map.wrong_sort("it has a reader already"));
        }
        Ok(RingBuffer { ring, fd, map: map.name().to_owned(), is_read })
    }

    /// The next record; `None` if there is none yet, or if it is still being written.
    #[expect(
        clippy::should_implement_trait,
        reason = "a record borrows the ring buffer, as items of iterators cannot"
    )]
    pub fn next(&mut self) -> Option<Record<'_>> {
        loop {
            match self.ring.next() {
                Next::Nothing => return None,
                Next::Record { len, discarded: true, .. } => self.ring.advance(len),
                Next::Record { at, len, discarded: false } => {
                    return Some(Record { ring: &mut self.ring, at, len });
                }
            }
        }
    }

    /// Waits for a record, or until the time is over; whether there may be one.
    ///
    /// # Errors
    /// If waiting is not possible.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<bool, Error> {
        if self.ring.next() != Next::Nothing {
            return Ok(true);
        }
        sys::wait_readable(self.fd.as_fd(), timeout)
            .map_err(|source| Error::Info { what: format!("map '{}'", self.map), source })
    }
}

impl Drop for RingBuffer {
    fn drop(&mut self) {
        self.is_read.store(false, Ordering::Relaxed);
    }
}

/// The descriptor becomes readable when there is a record, for epoll and its kin.
impl AsFd for RingBuffer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// The bytes of a record. When it is dropped, its place is free for others.
pub struct Record<'a> {
    ring: &'a mut Ring,
    at: usize,
    len: usize,
}

impl Deref for Record<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.ring.bytes(self.at, self.len)
    }
}

impl fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&**self).finish()
    }
}

impl Drop for Record<'_> {
    fn drop(&mut self) {
        self.ring.advance(self.len);
    }
}
