//! Keys of hash maps: hashed, compared and stored, with short cuts for the common sizes.

use std::sync::atomic::{AtomicU64, Ordering};

use super::memory::Bytes;

/// What the hashes of a map start from.
#[derive(Clone, Copy)]
pub(super) struct Seed(pub(super) u64);

/// A key to look for.
pub(super) trait Key: Copy {
    /// Comparing a part of the hash first is cheaper than comparing keys.
    const TAGGED: bool;

    fn hash(self, seed: Seed) -> u64;
    /// Equal to a stored key.
    fn is(self, words: &[AtomicU64]) -> bool;
    /// Stores it.
    fn store(self, words: &[AtomicU64]);
}

/// Calls a generic function with the key of `bytes` in its fastest form.
macro_rules! with_key {
    ($bytes:expr, |$key:ident| $body:expr) => {{
        let bytes: $crate::map::memory::Bytes<'_> = $bytes;
        match bytes.len() {
            4 => {
                let $key = $crate::map::key::Word(bytes.word(0));
                $body
            }
            8 => {
                let $key = $crate::map::key::Word(bytes.word(0));
                $body
            }
            16 => {
                let $key = $crate::map::key::Pair(bytes.word(0), bytes.word(1));
                $body
            }
            1..=7 => {
                let $key = $crate::map::key::Word(bytes.word(0));
                $body
            }
            9..=15 => {
                let $key = $crate::map::key::Pair(bytes.word(0), bytes.word(1));
                $body
            }
            _ => {
                let $key = $crate::map::key::Long(bytes);
                $body
            }
        }
    }};
}
pub(super) use with_key;

/// Multiplies to 128 bits and folds: each bit of the result depends on all bits of both (wyhash's step).
#[inline]
fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of a 128-bit number")]
    {
        (product as u64) ^ ((product >> 64) as u64)
    }
}

/// Odd numbers with as many ones as zeros in each byte, as wyhash has them.
const P: [u64; 3] = [0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db, 0x8ebc_6af0_9c88_c6e3];

/// A key of up to 8 bytes.
#[derive(Clone, Copy)]
pub(super) struct Word(pub(super) u64);

impl Key for Word {
    const TAGGED: bool = false;

    #[inline]
    fn hash(self, seed: Seed) -> u64 {
        mix(self.0 ^ P[0], seed.0 ^ P[1])
    }

    #[inline]
    fn is(self, words: &[AtomicU64]) -> bool {
        words[0].load(Ordering::Relaxed) == self.0
    }

    fn store(self, words: &[AtomicU64]) {
        words[0].store(self.0, Ordering::Relaxed);
    }
}

/// A key of 9 to 16 bytes.
#[derive(Clone, Copy)]
pub(super) struct Pair(pub(super) u64, pub(super) u64);

impl Key for Pair {
    const TAGGED: bool = false;

    #[inline]
    fn hash(self, seed: Seed) -> u64 {
        mix(mix(self.0 ^ P[0], seed.0 ^ P[1]) ^ self.1, P[2])
    }

    #[inline]
    fn is(self, words: &[AtomicU64]) -> bool {
        words[0].load(Ordering::Relaxed) == self.0 && words[1].load(Ordering::Relaxed) == self.1
    }

    fn store(self, words: &[AtomicU64]) {
        words[0].store(self.0, Ordering::Relaxed);
        words[1].store(self.1, Ordering::Relaxed);
    }
}

/// A longer key. It is read anew for each use, so it must not change before it is stored.
#[derive(Clone, Copy)]
pub(super) struct Long<'a>(pub(super) Bytes<'a>);

impl Key for Long<'_> {
    const TAGGED: bool = true;

    #[inline]
    fn hash(self, seed: Seed) -> u64 {
        (0..self.0.words()).fold(seed.0 ^ P[1], |hash, i| mix(self.0.word(i) ^ P[0], hash ^ P[2]))
    }

    #[inline]
    fn is(self, words: &[AtomicU64]) -> bool {
        words.iter().enumerate().all(|(i, word)| word.load(Ordering::Relaxed) == self.0.word(i))
    }

    fn store(self, words: &[AtomicU64]) {
        for (i, word) in words.iter().enumerate() {
            word.store(self.0.word(i), Ordering::Relaxed);
        }
    }
}
