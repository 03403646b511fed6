//! Ring buffers: records of any length from many programs to one reader, in the order in which they were reserved.
//!
//! A record is a header of eight bytes and its data, rounded up to eight: length and state in the first four bytes of
//! the header, and in the others which page it lies on, as in the kernel. Positions only grow; a record's place is its
//! position modulo the size. The kernel maps the memory twice in a row, so that a record that begins near the end is
//! contiguous; here such a record simply runs on into a second half, which nothing else uses.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::error::Errno;
use super::memory::{Bytes, BytesMut, WORD, Words};
use super::percpu::Refused;

/// In a header: the record is being written.
const BUSY: u32 = 1 << 31;
/// In a header: the record is to be skipped.
const DISCARD: u32 = 1 << 30;

/// `BPF_RB_NO_WAKEUP`
const NO_WAKEUP: u64 = 1;
/// `BPF_RB_FORCE_WAKEUP`
const FORCE_WAKEUP: u64 = 2;

/// What a page is for headers and sizes.
pub(super) const PAGE: usize = 4096;
const HEADER: usize = 8;
/// `RINGBUF_MAX_RECORD_SZ`
const MAX_RECORD: u64 = u32::MAX as u64 / 4;

/// What becomes of a reserved record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// The reader gets it.
    Submit,
    /// The reader skips it.
    Discard,
}

/// What the oldest record is.
enum Oldest {
    /// There is none, or it is still being written.
    None,
    /// Its data, copied.
    Record,
    /// To be skipped.
    Discarded,
}

/// A program wrote over a header: its length, and how many bytes were left and are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) len: u32,
    pub(super) lost: u64,
}

/// `BPF_MAP_TYPE_RINGBUF`.
pub(super) struct RingBuf {
    /// Twice the size.
    words: Words,
    /// Bytes, a power of two.
    size: u64,
    /// Up to where records were read.
    consumer: AtomicU64,
    /// Up to where records were reserved.
    producer: AtomicU64,
    reserving: Mutex<()>,
    reading: Mutex<()>,
    waiters: AtomicU32,
    asleep: Mutex<()>,
    wake: Condvar,
}

impl RingBuf {
    /// A ring of so many bytes, a power of two.
    pub(super) fn new(size: u32) -> Result<RingBuf, Refused> {
        let bytes = 2 * u64::from(size);
        let words = usize::try_from(bytes / WORD as u64).ok().and_then(Words::zeroed);
        Ok(RingBuf {
            words: words.ok_or(Refused(bytes))?,
            size: size.into(),
            consumer: AtomicU64::new(0),
            producer: AtomicU64::new(0),
            reserving: Mutex::default(),
            reading: Mutex::default(),
            waiters: AtomicU32::new(0),
            asleep: Mutex::default(),
            wake: Condvar::new(),
        })
    }

    /// Where records lie.
    pub(super) fn range(&self) -> Range<usize> {
        self.words.range()
    }

    /// The address of a new record's data; `None` if there is no room.
    pub(super) fn reserve(&self, len: u64) -> Option<*mut u8> {
        self.reserve_at(len).map(|word| self.words.address(word + 1))
    }

    /// A new record with these bytes.
    pub(super) fn output(&self, data: Bytes<'_>, flags: u64) -> Result<(), Errno> {
        if flags & !(NO_WAKEUP | FORCE_WAKEUP) != 0 {
            return Err(Errno::Invalid);
        }
        let word = self.reserve_at(data.len() as u64).ok_or(Errno::Again)?;
        self.words.write(word + 1, data);
        self.finish(word, flags, Commit::Submit)
    }

    /// Ends the writing of a record, given the address of its data.
    pub(super) fn commit(&self, sample: usize, flags: u64, commit: Commit) -> Result<(), Errno> {
        let offset = sample.checked_sub(self.words.range().start + HEADER).ok_or(Errno::Invalid)?;
        if offset % WORD != 0 || offset / WORD >= self.words.len() / 2 {
            return Err(Errno::Invalid);
        }
        self.finish(offset / WORD, flags, commit)
    }

    /// `bpf_ringbuf_query`.
    pub(super) fn query(&self, what: u64) -> u64 {
        let (consumer, producer) =
            (self.consumer.load(Ordering::Acquire), self.producer.load(Ordering::Acquire));
        match what {
            0 => producer.saturating_sub(consumer),
            1 => self.size,
            2 => consumer,
            3 => producer,
            _ => 0,
        }
    }

    /// How many records can be read now.
    pub(super) fn len(&self) -> usize {
        self.count(usize::MAX)
    }

    /// Calls `each` for the records that are there, oldest first, up to one that is still being written; how many.
    pub(super) fn consume(&self, mut each: impl FnMut(&[u8])) -> Result<usize, Broken> {
        let mut copy = Vec::new();
        let mut count = 0;
        loop {
            match self.read(&mut copy)? {
                Oldest::None => return Ok(count),
                Oldest::Discarded => {}
                Oldest::Record => {
                    count += 1;
                    // The record's place is free already, so `each` may take its time, or consume.
                    each(&copy);
                }
            }
        }
    }

    /// Waits until there is a record to read; false if there was none in time.
    pub(super) fn wait(&self, timeout: Duration) -> bool {
        let start = Instant::now();
        self.waiters.fetch_add(1, Ordering::SeqCst);
        let mut asleep = lock(&self.asleep);
        let ready = loop {
            fence(Ordering::SeqCst);
            if self.count(1) != 0 {
                break true;
            }
            let Some(left) = timeout.checked_sub(start.elapsed()).filter(|left| !left.is_zero()) else {
                break false;
            };
            asleep = self.wake.wait_timeout(asleep, left).unwrap_or_else(PoisonError::into_inner).0;
        };
        drop(asleep);
        self.waiters.fetch_sub(1, Ordering::SeqCst);
        ready
    }

    /// How many records can be read now, at most `limit`; one that a program wrote over counts, for it is to be told.
    fn count(&self, limit: usize) -> usize {
        let _reading = lock(&self.reading);
        let (mut at, end) = (self.consumer.load(Ordering::Relaxed), self.producer.load(Ordering::Acquire));
        let mut count = 0;
        while at < end && count < limit {
            let header = self.header(at);
            if header & BUSY != 0 {
                break;
            }
            let next = at + space(header & !DISCARD);
            count += usize::from(header & DISCARD == 0 || next > end);
            at = next;
        }
        count
    }

    /// Copies the oldest record and frees its place.
    fn read(&self, copy: &mut Vec<u8>) -> Result<Oldest, Broken> {
        let _reading = lock(&self.reading);
        let (at, end) = (self.consumer.load(Ordering::Relaxed), self.producer.load(Ordering::Acquire));
        if at == end {
            return Ok(Oldest::None);
        }
        let header = self.header(at);
        if header & BUSY != 0 {
            return Ok(Oldest::None);
        }
        let len = header & !DISCARD;
        if space(len) > end - at {
            self.consumer.store(end, Ordering::Release);
            return Err(Broken { len, lost: end - at });
        }
        let oldest = if header & DISCARD == 0 {
            copy.clear();
            copy.resize(len as usize, 0);
            self.words.read(self.word(at) + 1, BytesMut::new(copy));
            Oldest::Record
        } else {
            Oldest::Discarded
        };
        self.consumer.store(at + space(len), Ordering::Release);
        Ok(oldest)
    }

    /// The word of a new record's header.
    fn reserve_at(&self, len: u64) -> Option<usize> {
        let len = u32::try_from(len).ok().filter(|&len| u64::from(len) <= MAX_RECORD)?;
        let _reserving = lock(&self.reserving);
        let consumer = self.consumer.load(Ordering::Acquire);
        let at = self.producer.load(Ordering::Relaxed);
        let end = at + space(len);
        if end - consumer > self.size - 1 {
            return None;
        }
        let word = self.word(at);
        let page = u32::try_from(word * WORD / PAGE).ok()?;
        self.words[word].store(header_word(len | BUSY, page), Ordering::Relaxed);
        self.producer.store(end, Ordering::Release);
        Some(word)
    }

    fn finish(&self, word: usize, flags: u64, commit: Commit) -> Result<(), Errno> {
        let done = |header| {
            let (len, page) = header_parts(header);
            let discard = if commit == Commit::Discard { DISCARD } else { 0 };
            (len & BUSY != 0).then(|| header_word(len & !BUSY | discard, page))
        };
        let committed = self.words[word].fetch_update(Ordering::SeqCst, Ordering::Relaxed, done);
        committed.map_err(|_| Errno::Invalid)?;
        fence(Ordering::SeqCst);
        if self.waiters.load(Ordering::SeqCst) != 0 && flags & (NO_WAKEUP | FORCE_WAKEUP) != NO_WAKEUP {
            drop(lock(&self.asleep));
            self.wake.notify_all();
        }
        Ok(())
    }

    /// Length and state of the record at a position.
    fn header(&self, at: u64) -> u32 {
        header_parts(self.words[self.word(at)].load(Ordering::Acquire)).0
    }

    /// The word at a position.
    fn word(&self, at: u64) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "below the size, which is that of memory")]
        {
            (at & (self.size - 1)) as usize / WORD
        }
    }
}

/// What a record takes, header included.
fn space(len: u32) -> u64 {
    (u64::from(len) + HEADER as u64).next_multiple_of(8)
}

fn header_word(len: u32, page: u32) -> u64 {
    let ([a, b, c, d], [e, f, g, h]) = (len.to_ne_bytes(), page.to_ne_bytes());
    u64::from_ne_bytes([a, b, c, d, e, f, g, h])
}

fn header_parts(word: u64) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = word.to_ne_bytes();
    (u32::from_ne_bytes([a, b, c, d]), u32::from_ne_bytes([e, f, g, h]))
}

fn lock(mutex: &Mutex<()>) -> MutexGuard<'_, ()> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
