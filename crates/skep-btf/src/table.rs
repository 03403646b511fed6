//! A hash table of numbers whose keys are kept elsewhere, and its hash.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};

/// Finds small numbers, but not 0, by keys that the caller compares.
///
/// Its seed is random, since the keys may be an attacker's. No result depends on it: keys that are equal are found, and
/// those that are not are told apart by the caller.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    seed: u64,
    /// The hash and the number, 0 for none. How many there are is a power of two, or none; at most half are used.
    slots: Vec<(u32, u32)>,
    used: usize,
}

/// What a table starts with: the names and types of a small set.
const MIN_SLOTS: usize = 64;

impl Table {
    /// A table that takes that many numbers without growing.
    pub(crate) fn with_capacity(capacity: usize) -> Table {
        let slots = if capacity == 0 { 0 } else { slots_for(capacity) };
        Table { seed: RandomState::new().hash_one(()), slots: vec![(0, 0); slots], used: 0 }
    }

    /// The hash of a key.
    pub(crate) fn hash(&self, key: &(impl Hash + ?Sized)) -> u32 {
        let mut hasher = Folded(self.seed);
        key.hash(&mut hasher);
        let [a, b, c, d, ..] = hasher.finish().to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }

    /// The number of the key with that hash for which `is` holds.
    pub(crate) fn find(&self, hash: u32, mut is: impl FnMut(u32) -> bool) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let mut at = self.first(hash);
        loop {
            match self.slots[at] {
                (_, 0) => return None,
                (of, number) if of == hash && is(number) => return Some(number),
                _ => at = (at + 1) & (self.slots.len() - 1),
            }
        }
    }

    /// Adds a number, whose key has that hash and is not in the table.
    pub(crate) fn insert(&mut self, hash: u32, number: u32) {
        if (self.used + 1) * 2 > self.slots.len() {
            let larger = vec![(0, 0); slots_for(self.used + 1)];
            let slots = std::mem::replace(&mut self.slots, larger);
            slots.into_iter().filter(|&(_, number)| number != 0).for_each(|slot| self.put(slot));
        }
        self.put((hash, number));
        self.used += 1;
    }

    fn put(&mut self, slot: (u32, u32)) {
        let mut at = self.first(slot.0);
        while self.slots[at].1 != 0 {
            at = (at + 1) & (self.slots.len() - 1);
        }
        self.slots[at] = slot;
    }

    /// Where the search starts.
    fn first(&self, hash: u32) -> usize {
        crate::bytes::index(hash) & (self.slots.len() - 1)
    }
}

/// How many slots that many numbers take.
fn slots_for(numbers: usize) -> usize {
    numbers.saturating_mul(2).next_power_of_two().max(MIN_SLOTS)
}

/// A seed for hash maps whose keys are small and may be an attacker's.
#[derive(Debug, Clone)]
pub(crate) struct Seed(u64);

impl Default for Seed {
    fn default() -> Seed {
        Seed(RandomState::new().hash_one(()))
    }
}

impl BuildHasher for Seed {
    type Hasher = Folded;

    fn build_hasher(&self) -> Folded {
        Folded(self.0)
    }
}

/// Hashes words by multiplying them and folding the product: a few times faster than the standard hash for the short
/// keys here.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Folded(u64);

/// An odd number without a pattern: the fraction of the golden ratio.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Folded {
    #[inline]
    fn fold(&mut self, word: u64) {
        let (low, high) = (self.0 ^ word).carrying_mul(FACTOR, 0);
        // What is multiplied by 0 is lost, so that the state moves on by itself.
        self.0 = (low ^ high).wrapping_add(FACTOR);
    }
}

impl Hasher for Folded {
    fn write(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            self.fold(u64::from_le_bytes(word.try_into().unwrap_or_default()));
        }
        let rest = words.remainder();
        if !rest.is_empty() {
            self.fold(rest.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)));
        }
        // Zeros at the end count as well.
        self.fold(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    }

    #[inline]
    fn write_u8(&mut self, word: u8) {
        self.fold(word.into());
    }

    #[inline]
    fn write_u32(&mut self, word: u32) {
        self.fold(word.into());
    }

    #[inline]
    fn write_u64(&mut self, word: u64) {
        self.fold(word);
    }

    #[inline]
    fn write_usize(&mut self, word: usize) {
        self.fold(u64::try_from(word).unwrap_or(u64::MAX));
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn what_was_inserted_is_found_and_nothing_else() {
        for capacity in [0, 1000] {
            let mut table = Table::with_capacity(capacity);
            let keys: Vec<String> = (1..5000).map(|i| format!("key {}", i * i)).collect();
            for (key, number) in keys.iter().zip(1..) {
                let hash = table.hash(key.as_str());
                assert_eq!(table.find(hash, |found| found == number), None, "{key} is new");
                table.insert(hash, number);
            }
            for (key, number) in keys.iter().zip(1..) {
                assert_eq!(
                    table.find(table.hash(key.as_str()), |found| found == number),
                    Some(number),
                    "{key}"
                );
                assert_eq!(table.find(table.hash(key.as_str()), |_| false), None);
            }
        }
    }

    #[test]
    fn equal_hashes_are_told_apart_by_the_caller() {
        let mut table = Table::with_capacity(0);
        (1..=200).for_each(|number| table.insert(u32::MAX, number));
        for number in 1..=200 {
            assert_eq!(table.find(u32::MAX, |found| found == number), Some(number));
        }
        assert_eq!(table.find(u32::MAX, |found| found > 200), None);
    }

    #[test]
    fn hashes_of_short_keys_are_spread() {
        let table = Table::with_capacity(0);
        let mut hashes: Vec<u32> = (0..1000_u32).map(|i| table.hash(&(i, 0_u32))).collect();
        hashes.extend((0..1000_u32).map(|i| table.hash(&(0_u32, i + 1))));
        hashes.extend(["", "\0", "\0\0", "a", "a\0", "b", "ab", "ba"].map(|text| table.hash(text)));
        for bits in [u32::MAX, 0x000f_ffff] {
            let mut some: Vec<u32> = hashes.iter().map(|hash| hash & bits).collect();
            some.sort_unstable();
            some.dedup();
            assert!(some.len() > 1980, "{} of {} hashes differ in {bits:#x}", some.len(), hashes.len());
        }
    }
}
