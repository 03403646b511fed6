//! The memory of maps, and the only places where map code follows a raw pointer.
//!
//! * [`Words`] is a map's storage: zeroed, never moved, seen as a slice of atomic words. All that a map keeps about
//!   itself (keys, chains, free lists) and every copy of a value by the map goes through these atomics, so a race
//!   between threads can give an old word or a new one, and nothing worse.
//! * [`Bytes`] and [`BytesMut`] are what a caller passes: keys and values of known length at an address. They are
//!   not slices, since a program may pass a pointer into a map's own storage, which other threads write.
#![expect(unsafe_code, reason = "raw memory of maps and of their callers, behind checked accessors")]

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::marker::PhantomData;
use std::ops::{Deref, Range};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes in a word.
pub(super) const WORD: usize = 8;

/// Zeroed memory at a fixed address; large ones take pages from the system only where they are touched.
pub(super) struct Words {
    base: NonNull<AtomicU64>,
    len: usize,
}

// SAFETY: the memory is owned, and it is only reached as atomics or as addresses.
unsafe impl Send for Words {}
// SAFETY: as above.
unsafe impl Sync for Words {}

impl Words {
    /// That many words; `None` if the system refuses them.
    pub(super) fn zeroed(len: usize) -> Option<Words> {
        let layout = Layout::array::<AtomicU64>(len).ok()?;
        if layout.size() == 0 {
            return Some(Words { base: NonNull::dangling(), len: 0 });
        }
        // SAFETY: the size is not zero.
        let base = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        Some(Words { base: base.cast(), len })
    }

    /// The addresses it covers.
    pub(super) fn range(&self) -> Range<usize> {
        let start = self.base.addr().get();
        start..start + self.len * WORD
    }

    /// The address of a word, which must exist.
    pub(super) fn address(&self, word: usize) -> *mut u8 {
        assert!(word < self.len, "word {word} of {}", self.len);
        // Not by way of the word: a program may go on from there to others.
        self.base.as_ptr().wrapping_add(word).cast()
    }

    /// Copies bytes to the words from `start` on; the rest of the last word becomes zero.
    #[inline]
    pub(super) fn write(&self, start: usize, bytes: Bytes<'_>) {
        for (i, word) in self[start..start + bytes.words()].iter().enumerate() {
            word.store(bytes.word(i), Ordering::Relaxed);
        }
    }

    /// Copies bytes out of the words from `start` on.
    #[inline]
    pub(super) fn read(&self, start: usize, mut out: BytesMut<'_>) {
        let words = out.len.div_ceil(WORD);
        for (i, word) in self[start..start + words].iter().enumerate() {
            out.set_word(i, word.load(Ordering::Relaxed));
        }
    }

    /// Zeroes words.
    pub(super) fn clear(&self, words: Range<usize>) {
        for word in &self[words] {
            word.store(0, Ordering::Relaxed);
        }
    }
}

impl Deref for Words {
    type Target = [AtomicU64];

    #[inline]
    fn deref(&self) -> &[AtomicU64] {
        // SAFETY: `len` words that live as long as self, zeroed, and zero is a valid AtomicU64.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr(), self.len) }
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        if let Ok(layout) = Layout::array::<AtomicU64>(self.len)
            && layout.size() != 0
        {
            // SAFETY: `zeroed` allocated it with this layout.
            unsafe { dealloc(self.base.as_ptr().cast(), layout) }
        }
    }
}

/// Bytes to read.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'a> {
    base: *const u8,
    len: usize,
    life: PhantomData<&'a [u8]>,
}

impl<'a> Bytes<'a> {
    /// Those of a slice.
    #[inline]
    pub(super) fn new(bytes: &'a [u8]) -> Bytes<'a> {
        Bytes { base: bytes.as_ptr(), len: bytes.len(), life: PhantomData }
    }

    /// Those at an address.
    ///
    /// # Safety
    /// `len` bytes at `base` are readable for `'a`.
    #[inline]
    pub(super) unsafe fn at(base: *const u8, len: usize) -> Bytes<'a> {
        Bytes { base, len, life: PhantomData }
    }

    /// Those after the first `count`, which exist.
    pub(super) fn skip(self, count: usize) -> Bytes<'a> {
        let count = count.min(self.len);
        Bytes { base: self.base.wrapping_add(count), len: self.len - count, life: PhantomData }
    }

    /// How many bytes.
    #[inline]
    pub(super) fn len(self) -> usize {
        self.len
    }

    /// Where they are.
    pub(super) fn as_ptr(self) -> *const u8 {
        self.base
    }

    /// How many words they fill, the last one perhaps in part.
    #[inline]
    pub(super) fn words(self) -> usize {
        self.len.div_ceil(WORD)
    }

    /// The word at `8 * i`, in the host's byte order; bytes past the end are zero.
    #[inline]
    pub(super) fn word(self, i: usize) -> u64 {
        let start = i * WORD;
        let left = self.len.saturating_sub(start);
        if left >= WORD {
            // SAFETY: eight bytes from `start` are inside.
            return unsafe { ptr::read_unaligned(self.base.add(start).cast()) };
        }
        if left == 0 {
            return 0;
        }
        // A copy of a length that is not known is a call; what follows are moves.
        if self.len >= WORD {
            let before = WORD - left;
            // SAFETY: the last eight bytes are inside.
            let last: u64 = unsafe { ptr::read_unaligned(self.base.add(self.len - WORD).cast()) };
            #[expect(clippy::cast_possible_truncation, reason = "below 64")]
            let bits = (before * 8) as u32;
            return if cfg!(target_endian = "little") { last >> bits } else { last << bits };
        }
        let mut word = [0; WORD];
        let to = word.as_mut_ptr();
        let (four, two) = (left & 4, left & 2);
        // SAFETY: four, two and one of `left` bytes, each after the former, are inside both.
        unsafe {
            if four != 0 {
                ptr::copy_nonoverlapping(self.base, to, 4);
            }
            if two != 0 {
                ptr::copy_nonoverlapping(self.base.add(four), to.add(four), 2);
            }
            if left & 1 != 0 {
                ptr::copy_nonoverlapping(self.base.add(four + two), to.add(four + two), 1);
            }
        }
        u64::from_ne_bytes(word)
    }

    /// The first four bytes as a number in the host's byte order, zero-extended if there are fewer.
    #[inline]
    pub(super) fn u32(self) -> u32 {
        if self.len >= 4 {
            // SAFETY: four bytes are inside.
            return unsafe { ptr::read_unaligned(self.base.cast()) };
        }
        0
    }
}

/// Bytes to write.
pub(super) struct BytesMut<'a> {
    base: *mut u8,
    len: usize,
    life: PhantomData<&'a mut [u8]>,
}

impl<'a> BytesMut<'a> {
    /// Those of a slice.
    pub(super) fn new(bytes: &'a mut [u8]) -> BytesMut<'a> {
        BytesMut { base: bytes.as_mut_ptr(), len: bytes.len(), life: PhantomData }
    }

    /// Those at an address.
    ///
    /// # Safety
    /// `len` bytes at `base` are writable for `'a`.
    pub(super) unsafe fn at(base: *mut u8, len: usize) -> BytesMut<'a> {
        BytesMut { base, len, life: PhantomData }
    }

    /// A second use of the same bytes, after which this one goes on.
    pub(super) fn reborrow(&mut self) -> BytesMut<'_> {
        BytesMut { base: self.base, len: self.len, life: PhantomData }
    }

    /// Sets the bytes from `8 * i` on; those of the word that lie past the end are dropped.
    #[inline]
    pub(super) fn set_word(&mut self, i: usize, word: u64) {
        let start = i * WORD;
        let count = self.len.saturating_sub(start).min(WORD);
        // SAFETY: `count` bytes from `start` are inside; none are copied if `start` is past the end.
        unsafe {
            ptr::copy_nonoverlapping(word.to_ne_bytes().as_ptr(), self.base.wrapping_add(start), count);
        }
    }

    /// Sets the first four bytes to a number, in the host's byte order.
    pub(super) fn set_front(&mut self, number: u32) {
        let bytes = number.to_ne_bytes();
        let count = self.len.min(bytes.len());
        // SAFETY: `count` bytes are inside.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.base, count) }
    }

    /// Those after the first `count`, or none.
    pub(super) fn skip(self, count: usize) -> BytesMut<'a> {
        let count = count.min(self.len);
        BytesMut { base: self.base.wrapping_add(count), len: self.len - count, life: PhantomData }
    }

    /// Sets the bytes to others, of which there are as many.
    pub(super) fn copy_from(&mut self, bytes: Bytes<'_>) {
        for i in 0..bytes.words() {
            self.set_word(i, bytes.word(i));
        }
    }

    /// Sets all bytes to zero.
    pub(super) fn clear(&mut self) {
        // SAFETY: `len` bytes are inside.
        unsafe { ptr::write_bytes(self.base, 0, self.len) }
    }
}
