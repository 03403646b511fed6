//! Hash maps, all four: one value for all CPUs or one for each, refusing new keys when full or evicting old ones.

use super::error::Errno;
use super::flags::UpdateFlags;
use super::index::{Entry, Index, SeedFrom};
use super::key::{Key, with_key};
use super::lru::Clock;
use super::memory::{Bytes, BytesMut};
use super::percpu::{PerSlot, Refused, Values};
use super::scratch::Scratch;

/// `BPF_MAP_TYPE_HASH`, `…_PERCPU_HASH`, `…_LRU_HASH` and `…_LRU_PERCPU_HASH`.
pub(super) struct Hash {
    index: Index,
    values: Values,
    /// Present if a full map evicts.
    clock: Option<Clock>,
}

/// What a map does when it is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhenFull {
    Refuse,
    Evict,
}

/// What an update writes.
pub(super) trait Write {
    /// To an entry that is there.
    fn over(&self, values: &Values, slot: u32);
    /// To a new one, whose slot may hold anything.
    fn first(&self, values: &Values, slot: u32);
}

/// The value for the CPU that runs this thread, or for all if they share one.
pub(super) struct Here<'a>(pub(super) Bytes<'a>);

impl Write for Here<'_> {
    #[inline]
    fn over(&self, values: &Values, slot: u32) {
        values.write(slot, values.here(), self.0);
    }

    fn first(&self, values: &Values, slot: u32) {
        values.start(slot, self.0);
    }
}

/// A value for each CPU.
pub(super) struct Each<'a>(pub(super) &'a [&'a [u8]]);

impl Write for Each<'_> {
    fn over(&self, values: &Values, slot: u32) {
        for (cpu, value) in values.cpus().zip(self.0) {
            values.write(slot, cpu, Bytes::new(value));
        }
    }

    fn first(&self, values: &Values, slot: u32) {
        self.over(values, slot);
    }
}

impl Hash {
    pub(super) fn new(
        slots: u32,
        key_size: u32,
        value_size: u32,
        per_slot: PerSlot,
        when_full: WhenFull,
        seed: SeedFrom,
    ) -> Result<Hash, Refused> {
        Ok(Hash {
            index: Index::new(slots, key_size, seed)?,
            values: Values::new(slots, value_size, per_slot)?,
            clock: match when_full {
                WhenFull::Refuse => None,
                WhenFull::Evict => Some(Clock::new(slots)?),
            },
        })
    }

    pub(super) fn values(&self) -> &Values {
        &self.values
    }

    /// The slot of a key, which counts as a use of it.
    #[inline]
    pub(super) fn find(&self, key: Bytes<'_>) -> Option<u32> {
        let slot = with_key!(key, |key| self.index.find(key));
        if let (Some(clock), Some(slot)) = (&self.clock, slot) {
            clock.mark(slot);
        }
        slot
    }

    /// What `read` makes of the slot of a key, all of it the key's. Not a use: to look at a map does not change it.
    pub(super) fn find_then<R>(&self, key: Bytes<'_>, read: impl FnMut(u32) -> R) -> Option<R> {
        with_key!(key, |key| self.index.find_then(key, read))
    }

    pub(super) fn update(&self, key: Bytes<'_>, value: &impl Write, flags: UpdateFlags) -> Result<(), Errno> {
        let copy;
        let key = match key.len() {
            ..=16 => key,
            // A long key of a new entry is read twice, and the caller's may change meanwhile.
            _ if flags != UpdateFlags::Exist => {
                copy = Scratch::copy(key);
                copy.bytes()
            }
            _ => key,
        };
        with_key!(key, |key| self.update_key(key, value, flags))
    }

    #[inline]
    fn update_key<K: Key>(&self, key: K, value: &impl Write, flags: UpdateFlags) -> Result<(), Errno> {
        let mut entry = self.index.entry(key);
        if let Some(done) = self.update_found(&entry, value, flags) {
            return done;
        }
        if let Some(slot) = self.index.take() {
            self.insert(&mut entry, slot, value);
            return Ok(());
        }
        let clock = self.clock.as_ref().ok_or(Errno::TooBig)?;
        // The victim's bucket must be locked, which may be this one: so this one is not, and may change.
        drop(entry);
        let slot = self.evict(clock).ok_or(Errno::NoMemory)?;
        let mut entry = self.index.entry(key);
        if let Some(done) = self.update_found(&entry, value, flags) {
            drop(entry);
            self.index.give_back(slot);
            return done;
        }
        self.insert(&mut entry, slot, value);
        Ok(())
    }

    /// The update if it needs no new entry.
    #[inline]
    fn update_found<K: Key>(
        &self,
        entry: &Entry<'_, K>,
        value: &impl Write,
        flags: UpdateFlags,
    ) -> Option<Result<(), Errno>> {
        match (entry.slot(), flags) {
            (Some(_), UpdateFlags::NoExist) => Some(Err(Errno::Exists)),
            (None, UpdateFlags::Exist) => Some(Err(Errno::NotFound)),
            (None, UpdateFlags::Any | UpdateFlags::NoExist) => None,
            (Some(slot), UpdateFlags::Any | UpdateFlags::Exist) => {
                value.over(&self.values, slot);
                if let Some(clock) = &self.clock {
                    clock.mark(slot);
                }
                Some(Ok(()))
            }
        }
    }

    fn insert<K: Key>(&self, entry: &mut Entry<'_, K>, slot: u32, value: &impl Write) {
        if let Some(clock) = &self.clock {
            clock.unmark(slot);
        }
        entry.insert(slot, |slot| value.first(&self.values, slot));
    }

    /// Removes the entry that was not used for longest, and hands out its slot.
    fn evict(&self, clock: &Clock) -> Option<u32> {
        let slots = self.index.slots();
        let mut key = Scratch::new(self.index.key_size());
        // Two rounds remove all marks; the rest is patience with threads that set them again.
        for _ in 0..u64::from(slots) * 4 + 64 {
            let slot = clock.advance(slots);
            if !self.index.is_live(slot) {
                // Given back by another thread meanwhile?
                if let Some(slot) = self.index.take() {
                    return Some(slot);
                }
                continue;
            }
            if clock.unmark(slot) {
                continue;
            }
            self.index.read_key(slot, key.bytes_mut());
            let victim = with_key!(key.bytes(), |key| {
                let mut entry = self.index.entry(key);
                (entry.slot() == Some(slot)).then(|| entry.remove()).flatten()
            });
            if victim.is_some() {
                return victim;
            }
        }
        None
    }

    pub(super) fn delete(&self, key: Bytes<'_>) -> Result<(), Errno> {
        self.take(key, |_| ())
    }

    /// Removes an entry; what `read` made of it before.
    pub(super) fn take<R>(&self, key: Bytes<'_>, read: impl FnOnce(u32) -> R) -> Result<R, Errno> {
        let taken = with_key!(key, |key| {
            let mut entry = self.index.entry(key);
            let read = entry.slot().map(read);
            entry.remove().zip(read)
        });
        let (slot, read) = taken.ok_or(Errno::NotFound)?;
        self.index.give_back(slot);
        Ok(read)
    }

    /// The key after this one, in the order of slots; the first one if there is no such key.
    pub(super) fn next_key(&self, key: Option<Bytes<'_>>, mut next: BytesMut<'_>) -> Result<(), Errno> {
        let after = key.and_then(|key| self.find_then(key, |slot| slot));
        let from = after.map_or(0, |slot| slot + 1);
        let copy = |_, key: Bytes<'_>| {
            next.copy_from(key);
            Visit::Stop
        };
        if self.visit(from, copy) { Ok(()) } else { Err(Errno::NotFound) }
    }

    /// Calls `each` for the entries in slots from `from` on, with the slot and the key; whether it stopped.
    ///
    /// Entries that come or go meanwhile may or may not be seen; all others are, once.
    pub(super) fn visit(&self, from: u32, mut each: impl FnMut(u32, Bytes<'_>) -> Visit) -> bool {
        let mut key = Scratch::new(self.index.key_size());
        for slot in from..self.index.used() {
            if !self.index.is_live(slot) {
                continue;
            }
            self.index.read_key(slot, key.bytes_mut());
            // What was read is the slot's key, and not a mixture of two, if the key leads to the slot.
            let found = self.find_then(key.bytes(), |slot| slot);
            if found == Some(slot) && each(slot, key.bytes()) == Visit::Stop {
                return true;
            }
        }
        false
    }

    /// How many entries there are; linear.
    pub(super) fn len(&self) -> usize {
        (0..self.index.used()).filter(|&slot| self.index.is_live(slot)).count()
    }
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visit {
    Continue,
    Stop,
}
