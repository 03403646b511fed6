//! The index of a hash map: from a key to a slot, for any number of threads.
//!
//! A slot is a number below the map's capacity; its key lies in `nodes`, its value elsewhere. Slots are chained from
//! buckets. Everything is an atomic word, so that what a race can spoil is a decision, never memory:
//!
//! * A *writer* locks the bucket of its key (a bit in the bucket's word). A new slot is filled while nobody can reach
//!   it, then published as the head of the chain by the store that unlocks.
//! * A *reader* takes no lock and writes nothing. It walks the chain, then looks at the bucket again: each time a slot
//!   leaves the chain, and before it can be reused, the bucket's version grows. If the version is still the same,
//!   no slot left, so the walk never strayed and no key changed under the comparison; else the walk starts again.
//!   Insertions do not disturb readers, for they only put slots before the head that the reader saw.
//!
//! The order that makes this hold is a seqlock's: the version is written before the slot's words are (a release fence
//! in [`Entry::insert`] and [`Index::give_back`]), and read after them (an acquire fence in [`Index::find`]).
//!
//! All-zero memory is an empty index, so a large map costs what is used of it.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use super::key::{Key, Seed};
use super::memory::{BytesMut, WORD, Words};
use super::percpu::Refused;

/// A bucket: its chain's first link in bits 0 to 31, the lock in bit 32, the version above.
const LOCK: u64 = 1 << 32;
const VERSION: u64 = 1 << 33;

/// A node's first word: the link to the next node in bits 0 to 31, a part of the hash, and whether the slot is in use.
const LIVE: u64 = 1 << 63;
const TAG: u64 = !LIVE & !LINK;

/// A link is a slot's number plus one, so that zero ends a chain.
const LINK: u64 = 0xffff_ffff;

/// How far a reader walks before it asks whether it has strayed.
const PATIENCE: u32 = 32;

fn link_to(slot: u32) -> u64 {
    u64::from(slot) + 1
}

#[inline]
fn slot_of(word: u64) -> Option<u32> {
    #[expect(clippy::cast_possible_truncation, reason = "the link is the low half")]
    (word as u32).checked_sub(1)
}

/// From keys to slots.
pub(super) struct Index {
    buckets: Words,
    /// Each node is a word as above, then the key.
    nodes: Words,
    node_words: usize,
    key_size: usize,
    slots: u32,
    /// How many slots were ever used; those from here on are new.
    fresh: AtomicU32,
    /// The first link of the chain of slots that were given back, and in the high half a count against ABA.
    free: AtomicU64,
    seed: Seed,
}

impl Index {
    pub(super) fn new(slots: u32, key_size: u32, seed: SeedFrom) -> Result<Index, Refused> {
        let buckets = u64::from(slots).next_power_of_two();
        let node_words = 1 + u64::from(key_size).div_ceil(8);
        let node_total = node_words.saturating_mul(u64::from(slots));
        let refused = || Refused(buckets.saturating_add(node_total).saturating_mul(WORD as u64));
        let zeroed = |words: u64| usize::try_from(words).ok().and_then(Words::zeroed).ok_or_else(refused);
        Ok(Index {
            buckets: zeroed(buckets)?,
            nodes: zeroed(node_total)?,
            node_words: usize::try_from(node_words).map_err(|_| refused())?,
            key_size: usize::try_from(key_size).map_err(|_| refused())?,
            slots,
            fresh: AtomicU32::new(0),
            free: AtomicU64::new(0),
            seed: seed.seed(),
        })
    }

    /// The slot of a key.
    #[inline]
    pub(super) fn find<K: Key>(&self, key: K) -> Option<u32> {
        self.find_then(key, |slot| slot)
    }

    /// The slot of a key, and what `read` makes of it. `read` may run more than once; the result that counts is of a
    /// run during which the slot was the key's all along.
    #[inline]
    pub(super) fn find_then<K: Key, R>(&self, key: K, mut read: impl FnMut(u32) -> R) -> Option<R> {
        let hash = key.hash(self.seed);
        let bucket = self.bucket(hash);
        loop {
            let seen = bucket.load(Ordering::Acquire);
            let result = self.walk(bucket, seen, hash, key).map(&mut read);
            fence(Ordering::Acquire);
            if bucket.load(Ordering::Relaxed) / VERSION == seen / VERSION {
                return result;
            }
        }
    }

    #[inline]
    fn walk<K: Key>(&self, bucket: &AtomicU64, seen: u64, hash: u64, key: K) -> Option<u32> {
        let mut link = seen;
        let mut steps = 0;
        while let Some(slot) = slot_of(link) {
            let (head, words) = self.node(slot);
            link = head.load(Ordering::Relaxed);
            if (!K::TAGGED || (link ^ hash) & TAG == 0) && key.is(words) {
                return Some(slot);
            }
            steps += 1;
            // A walk that strayed may follow slots from chain to chain for as long as writers move them.
            if steps % PATIENCE == 0 && bucket.load(Ordering::Acquire) / VERSION != seen / VERSION {
                return None;
            }
        }
        None
    }

    #[inline]
    fn bucket(&self, hash: u64) -> &AtomicU64 {
        #[expect(clippy::cast_possible_truncation, reason = "there are no more buckets than addresses")]
        let at = hash as usize & (self.buckets.len() - 1);
        &self.buckets[at]
    }

    #[inline]
    fn node(&self, slot: u32) -> (&AtomicU64, &[AtomicU64]) {
        let at = slot as usize * self.node_words;
        let node = &self.nodes[at..at + self.node_words];
        (&node[0], &node[1..])
    }

    /// Locks the bucket of a key and finds the key in it.
    #[inline]
    pub(super) fn entry<K: Key>(&self, key: K) -> Entry<'_, K> {
        let hash = key.hash(self.seed);
        let bucket = self.bucket(hash);
        let state = lock(bucket);
        let mut entry = Entry { index: self, bucket, state, hash, key, before: None, slot: slot_of(state) };
        while let Some(slot) = entry.slot {
            let (head, words) = self.node(slot);
            let link = head.load(Ordering::Relaxed);
            if (!K::TAGGED || (link ^ hash) & TAG == 0) && key.is(words) {
                break;
            }
            entry.before = Some(slot);
            entry.slot = slot_of(link);
        }
        entry
    }

    /// A slot that nobody uses, to be given to [`Entry::insert`] or back.
    pub(super) fn take(&self) -> Option<u32> {
        let mut free = self.free.load(Ordering::Acquire);
        while let Some(slot) = slot_of(free) {
            let next = self.node(slot).0.load(Ordering::Relaxed) & LINK;
            let count = (free & !LINK).wrapping_add(LINK + 1);
            match self.free.compare_exchange_weak(free, count | next, Ordering::Acquire, Ordering::Acquire) {
                Ok(_) => return Some(slot),
                Err(now) => free = now,
            }
        }
        let grow = |fresh| (fresh < self.slots).then(|| fresh + 1);
        self.fresh.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grow).ok()
    }

    /// Makes a slot that is in no chain available to all.
    pub(super) fn give_back(&self, slot: u32) {
        fence(Ordering::Release);
        let head = self.node(slot).0;
        let mut free = self.free.load(Ordering::Relaxed);
        loop {
            head.store(free & LINK, Ordering::Relaxed);
            let ours = (free & !LINK) | link_to(slot);
            match self.free.compare_exchange_weak(free, ours, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => free = now,
            }
        }
    }

    /// How many slots there are.
    pub(super) fn slots(&self) -> u32 {
        self.slots
    }

    /// Below which number all slots lie that were ever used.
    pub(super) fn used(&self) -> u32 {
        self.fresh.load(Ordering::Acquire)
    }

    pub(super) fn is_live(&self, slot: u32) -> bool {
        self.node(slot).0.load(Ordering::Acquire) & LIVE != 0
    }

    /// Copies the key words of a slot; they may be torn unless a lookup of the copy finds this slot.
    pub(super) fn read_key(&self, slot: u32, out: BytesMut<'_>) {
        self.nodes.read(slot as usize * self.node_words + 1, out);
    }

    pub(super) fn key_size(&self) -> usize {
        self.key_size
    }
}

fn lock(bucket: &AtomicU64) -> u64 {
    let mut tries = 0_u32;
    loop {
        let state = bucket.load(Ordering::Relaxed);
        if state & LOCK == 0
            && bucket.compare_exchange_weak(state, state | LOCK, Ordering::Acquire, Ordering::Relaxed).is_ok()
        {
            return state;
        }
        tries += 1;
        if tries.is_multiple_of(64) {
            std::thread::yield_now();
        } else {
            std::hint::spin_loop();
        }
    }
}

/// A key's place in the index, its bucket locked until this is dropped.
pub(super) struct Entry<'a, K> {
    index: &'a Index,
    bucket: &'a AtomicU64,
    /// What the bucket's word will be, lock aside.
    state: u64,
    hash: u64,
    key: K,
    /// The slot before the key's one in its chain.
    before: Option<u32>,
    slot: Option<u32>,
}

impl<K: Key> Entry<'_, K> {
    /// The key's slot, if it has one.
    #[inline]
    pub(super) fn slot(&self) -> Option<u32> {
        self.slot
    }

    /// Gives a slot to the key, which has none. What `fill` does to the slot is done before anybody can find it.
    pub(super) fn insert(&mut self, slot: u32, fill: impl FnOnce(u32)) {
        let (head, words) = self.index.node(slot);
        fence(Ordering::Release);
        self.key.store(words);
        fill(slot);
        head.store(LIVE | (self.hash & TAG) | (self.state & LINK), Ordering::Release);
        self.state = (self.state & !LINK) | link_to(slot);
        self.slot = Some(slot);
        self.before = None;
    }

    /// Takes the key's slot out of the chain; it is the caller's then.
    pub(super) fn remove(&mut self) -> Option<u32> {
        let slot = self.slot.take()?;
        let head = self.index.node(slot).0;
        let word = head.load(Ordering::Relaxed);
        let next = word & LINK;
        head.store(word & !LIVE, Ordering::Relaxed);
        match self.before {
            None => self.state = (self.state & !LINK) | next,
            Some(before) => {
                let head = self.index.node(before).0;
                head.store((head.load(Ordering::Relaxed) & !LINK) | next, Ordering::Relaxed);
            }
        }
        self.state = self.state.wrapping_add(VERSION);
        Some(slot)
    }
}

impl<K> Drop for Entry<'_, K> {
    #[inline]
    fn drop(&mut self) {
        self.bucket.store(self.state, Ordering::Release);
    }
}

/// Where the seed of the hash comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SeedFrom {
    /// The system, so that nobody can choose keys that collide.
    Random,
    /// Nowhere: `BPF_F_ZERO_SEED`.
    Zero,
}

impl SeedFrom {
    fn seed(self) -> Seed {
        match self {
            SeedFrom::Zero => Seed(0),
            SeedFrom::Random => Seed(RandomState::new().hash_one(0_u8)),
        }
    }
}
