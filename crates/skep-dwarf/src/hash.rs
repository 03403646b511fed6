//! A hash for short keys: words are multiplied and the product is folded.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hasher, RandomState};

/// An odd number without a pattern: the fraction of the golden ratio.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// Mixes a word into a state.
#[inline]
pub(crate) fn fold(state: u64, word: u64) -> u64 {
    let (low, high) = (state ^ word).carrying_mul(FACTOR, 0);
    // What is multiplied by 0 is lost, so that the state moves on by itself.
    (low ^ high).wrapping_add(FACTOR)
}

/// A seed that no input knows.
pub(crate) fn seed() -> u64 {
    RandomState::new().hash_one(())
}

/// A map with this hash. No result may depend on its order.
pub(crate) type Map<K, V> = HashMap<K, V, Seed>;
/// A set with this hash.
pub(crate) type Set<K> = HashSet<K, Seed>;

/// What hashing starts with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seed(u64);

impl Default for Seed {
    fn default() -> Seed {
        Seed(seed())
    }
}

impl BuildHasher for Seed {
    type Hasher = Folded;

    fn build_hasher(&self) -> Folded {
        Folded(self.0)
    }
}

/// The state of a hash.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Folded(u64);

impl Hasher for Folded {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            self.0 = fold(self.0, u64::from_le_bytes(word.try_into().unwrap_or_default()));
        }
        let rest = words.remainder().iter().fold(0, |word, &byte| word << 8 | u64::from(byte));
        self.0 = fold(self.0, rest ^ u64::try_from(bytes.len()).unwrap_or_default() << 56);
    }

    #[inline]
    fn write_u8(&mut self, word: u8) {
        self.0 = fold(self.0, word.into());
    }

    #[inline]
    fn write_u32(&mut self, word: u32) {
        self.0 = fold(self.0, word.into());
    }

    #[inline]
    fn write_u64(&mut self, word: u64) {
        self.0 = fold(self.0, word);
    }

    #[inline]
    fn write_usize(&mut self, word: usize) {
        self.0 = fold(self.0, u64::try_from(word).unwrap_or_default());
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}
