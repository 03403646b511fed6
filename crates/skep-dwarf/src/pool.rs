//! All types of all units, each once.
//!
//! A type is a record of 32-bit words: what it is, names, numbers, and the ids of other records. Equal words are the
//! same record, so that comparing two types never goes deeper than one level. A struct, union or enumeration that has
//! a name is two records: a [`Rec::Name`], by which others refer to it, and its definition, which begins with that
//! name. So no record leads back to itself, declarations and definitions meet, and where one name has two
//! definitions, `split` tells apart who means which.
//!
//! Which id a record gets depends on the order in which threads come by. What is written depends on
//! [`Record::first`] alone: where the record's first occurrence is.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::Error;
use crate::hash::{fold, seed};
use crate::names::Name;
use crate::reader::{index, word};

/// What a record is; the lowest byte of its first word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Rec {
    /// A namespace: its parent, its name.
    Scope = 1,
    /// A struct, union or enumeration by its name: scope, name, which of several definitions (0 or the id of one).
    Name,
    /// Name or 0, size; members: name, type, bit offset, width.
    Struct,
    Union,
    /// Name or 0, size; enumerators: name, low half, high half.
    Enum,
    /// What no enumeration of BTF has room for. Name, the number that it is; enumerators: text of a tag.
    Wide,
    /// Scope, name, size, bits and encoding.
    Int,
    /// Scope, name, size.
    Float,
    /// What it refers to.
    Ptr,
    Const,
    Volatile,
    Restrict,
    /// Element, count.
    Array,
    /// Scope, name, type.
    Typedef,
    /// Result; parameters: name, type. A last one of zeros makes it variadic.
    Proto,
    /// Text, type.
    TypeTag,
    /// Text, target, component from 1 or 0.
    DeclTag,
    /// Scope, name, prototype.
    Func,
    /// Scope, name, type.
    Var,
}

impl Rec {
    const ALL: [Rec; 19] = [
        Rec::Scope,
        Rec::Name,
        Rec::Struct,
        Rec::Union,
        Rec::Enum,
        Rec::Wide,
        Rec::Int,
        Rec::Float,
        Rec::Ptr,
        Rec::Const,
        Rec::Volatile,
        Rec::Restrict,
        Rec::Array,
        Rec::Typedef,
        Rec::Proto,
        Rec::TypeTag,
        Rec::DeclTag,
        Rec::Func,
        Rec::Var,
    ];

    /// How many words are in front of the elements, the first not counted, and how many each element has.
    pub(crate) const fn shape(self) -> (usize, usize) {
        match self {
            Rec::Scope | Rec::Array | Rec::TypeTag => (2, 0),
            Rec::Struct | Rec::Union => (2, 4),
            Rec::Enum => (2, 3),
            Rec::Wide => (2, 1),
            Rec::Name | Rec::Float | Rec::Typedef | Rec::DeclTag | Rec::Func | Rec::Var => (3, 0),
            Rec::Int => (4, 0),
            Rec::Ptr | Rec::Const | Rec::Volatile | Rec::Restrict => (1, 0),
            Rec::Proto => (1, 2),
        }
    }

    /// The first word of a record; 24 bits are the caller's.
    pub(crate) const fn head(self, flags: u32) -> u32 {
        self as u32 | flags << 8
    }
}

/// A record's number; 0 is void.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Id(pub(crate) u32);

impl Id {
    pub(crate) const VOID: Id = Id(0);

    pub(crate) fn is_void(self) -> bool {
        self == Id::VOID
    }
}

/// Where a record occurs: the unit, the DIE, and which record of the DIE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Place(pub(crate) u64);

impl Place {
    pub(crate) fn new(unit: u32, die: u32, which: u8) -> Place {
        Place(u64::from(unit) << 40 | u64::from(die) << 8 | u64::from(which))
    }

    /// Whether it is one.
    pub(crate) fn is_known(self) -> bool {
        self != Place::default()
    }

    /// Offset of the DIE in its unit.
    pub(crate) fn die(self) -> u32 {
        crate::reader::halves(self.0 >> 8).0
    }

    pub(crate) fn unit(self) -> u32 {
        crate::reader::halves(self.0 >> 40).0
    }
}

const SHARD_BITS: u32 = 6;
const SHARDS: usize = 1 << SHARD_BITS;
/// How often a record is counted. What occurs that often is not taken back to the last occurrence.
const MANY: u32 = 1 << 14;

/// The records.
#[derive(Debug)]
pub(crate) struct Pool {
    seeds: (u64, u64),
    shards: Vec<Mutex<Shard>>,
}

/// The records that one thread has met last: most of what a unit has was in the unit before. A record is known by its
/// hash alone, of 64 bits and as many as choose the entry, so that neither the table nor the record is looked at.
#[derive(Debug)]
pub(crate) struct Recent {
    entries: Vec<Entry>,
}

/// A power of two; all together stay in the second level cache.
const RECENT: usize = 1 << 15;

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    hash: u64,
    id: Id,
    /// The unit that the pool has been told of, and in the lowest byte how often the record has been met since.
    unit_and_times: u32,
}

impl Entry {
    fn unit(self) -> u32 {
        self.unit_and_times >> 8
    }

    fn times(self) -> u8 {
        self.unit_and_times.to_le_bytes()[0]
    }
}

impl Recent {
    pub(crate) fn new() -> Recent {
        Recent { entries: vec![Entry::default(); RECENT] }
    }
}

#[derive(Debug, Default)]
struct Shard {
    /// At most half are used.
    slots: Vec<Slot>,
    /// Where each record starts in `words`.
    starts: Vec<u32>,
    words: Vec<u32>,
}

/// A place of the hash table.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// The upper half of the record's hash.
    hash: u32,
    /// The record's place among the starts, from 1; 0 for none.
    at: u32,
    start: u32,
}

impl Pool {
    pub(crate) fn new() -> Pool {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Pool { seeds: (seed(), seed()), shards }
    }

    /// The id of the record with these words, which occurs there. It is added if it is new.
    #[inline]
    pub(crate) fn add(&self, recent: &mut Recent, words: &[u32], place: Place) -> Id {
        let (hash, check) = self.hash(words);
        let entry = &mut recent.entries[index(check) & (RECENT - 1)];
        let unit = place.unit();
        // In the same unit the place may be a lower one, which the pool has to know.
        if entry.hash == hash && entry.unit() < unit && entry.times() < u8::MAX {
            entry.unit_and_times += 1;
            return entry.id;
        }
        let id = self.enter(hash, words, place, 1);
        self.count(*entry);
        *entry = Entry { hash, id, unit_and_times: unit << 8 };
        id
    }

    /// Takes an occurrence of a record back. Whoever does so has no recent ones.
    pub(crate) fn remove(&self, words: &[u32], place: Place) -> Id {
        self.enter(self.hash(words).0, words, place, u32::MAX)
    }

    /// Counts the occurrences that have only been seen in passing.
    pub(crate) fn flush(&self, recent: &mut Recent) {
        for entry in &mut recent.entries {
            self.count(*entry);
            entry.unit_and_times &= !0xff;
        }
    }

    fn count(&self, entry: Entry) {
        if entry.times() == 0 {
            return;
        }
        let number = entry.id.0.wrapping_sub(1);
        if let Some(shard) = self.shards.get(index(number) & (SHARDS - 1)) {
            let mut shard = lock(shard);
            let start = shard.starts.get(index(number >> SHARD_BITS)).copied().unwrap_or(u32::MAX);
            if let Some(times) = shard.words.get_mut(index(start).saturating_add(2))
                && *times < MANY
            {
                *times = times.wrapping_add(entry.times().into()).min(MANY);
            }
        }
    }

    #[inline]
    fn enter(&self, hash: u64, words: &[u32], place: Place, count: u32) -> Id {
        let (low, high) = crate::reader::halves(hash);
        let which = index(low >> (32 - SHARD_BITS));
        let mut shard = lock(&self.shards[which]);
        let at = shard.enter(high, words, place, count);
        Id((at << SHARD_BITS | word(which)).wrapping_add(1))
    }

    /// Two hashes that know nothing of each other.
    #[inline]
    fn hash(&self, words: &[u32]) -> (u64, u64) {
        // Two lanes, since each step waits for the one before.
        let (mut even, mut odd) = (self.seeds.0, self.seeds.1);
        let mut quads = words.chunks_exact(4);
        for quad in &mut quads {
            even = fold(even, u64::from(quad[0]) | u64::from(quad[1]) << 32);
            odd = fold(odd, u64::from(quad[2]) | u64::from(quad[3]) << 32);
            (even, odd) = (even ^ odd.rotate_left(23), odd.wrapping_add(even));
        }
        let rest = quads.remainder();
        let word = |at: usize| rest.get(at).map_or(0, |&word| u64::from(word));
        even = fold(even, word(0) | word(1) << 32);
        odd = fold(odd, word(2) | u64::try_from(words.len()).unwrap_or_default() << 32);
        (fold(even, odd), fold(odd.rotate_left(32), even))
    }

    /// Whether all records have got an id of their own.
    pub(crate) fn check_limits(&self) -> Result<(), Error> {
        for shard in &self.shards {
            let shard = lock(shard);
            let (types, words) = (shard.starts.len(), shard.words.len());
            for (what, found, limit) in
                [("types", types, 1 << (31 - SHARD_BITS)), ("words of types", words, 1 << 31)]
            {
                if found >= limit {
                    let number = |count: usize| u64::try_from(count * SHARDS).unwrap_or(u64::MAX);
                    return Err(Error::Limit { what, found: number(found), limit: number(limit) });
                }
            }
        }
        Ok(())
    }

    /// The records, to be read.
    pub(crate) fn freeze(self) -> Records {
        let shards = self.shards.into_iter();
        Records {
            shards: shards
                .map(|shard| {
                    let shard = shard.into_inner().unwrap_or_else(PoisonError::into_inner);
                    (shard.starts, shard.words)
                })
                .collect(),
        }
    }

    /// Calls `visit` with each record.
    pub(crate) fn each(&self, mut visit: impl FnMut(Id, Record<'_>)) {
        for (which, shard) in self.shards.iter().enumerate() {
            let shard = lock(shard);
            for (at, &start) in shard.starts.iter().enumerate() {
                visit(Id((word(at) << SHARD_BITS | word(which)) + 1), Record::at(&shard.words, start));
            }
        }
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shard {
    #[inline]
    fn enter(&mut self, high: u32, words: &[u32], place: Place, count: u32) -> u32 {
        if (self.starts.len() + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut slot = index(high) & mask;
        loop {
            let Slot { hash, at, start } = self.slots[slot];
            if at == 0 {
                break;
            }
            if hash == high
                && let Some([first, last, times, len, rest @ ..]) = self.words.get_mut(index(start)..)
                && index(*len) == words.len()
                && rest.iter().zip(words).all(|(a, b)| a == b)
            {
                // Whoever only looks leaves the cache line to others.
                if *times < MANY {
                    *times = times.wrapping_add(count);
                }
                if place.0 < u64::from(*first) | u64::from(*last) << 32 {
                    (*first, *last) = crate::reader::halves(place.0);
                }
                return at - 1;
            }
            slot = (slot + 1) & mask;
        }
        let at = word(self.starts.len());
        let start = word(self.words.len());
        self.slots[slot] = Slot { hash: high, at: at + 1, start };
        self.starts.push(start);
        let (first, last) = crate::reader::halves(place.0);
        self.words.extend_from_slice(&[first, last, count, word(words.len())]);
        self.words.extend_from_slice(words);
        at
    }

    #[cold]
    fn grow(&mut self) {
        let len = (self.slots.len() * 2).max(64);
        let old = std::mem::replace(&mut self.slots, vec![Slot::default(); len]);
        for old in old.into_iter().filter(|slot| slot.at != 0) {
            let mut slot = index(old.hash) & (len - 1);
            while self.slots[slot].at != 0 {
                slot = (slot + 1) & (len - 1);
            }
            self.slots[slot] = old;
        }
    }
}

/// The records, which do not change any more.
#[derive(Debug)]
pub(crate) struct Records {
    shards: Vec<(Vec<u32>, Vec<u32>)>,
}

/// One record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    /// Where it occurs first.
    pub(crate) first: Place,
    /// How often it occurs.
    pub(crate) count: u32,
    /// Its words.
    pub(crate) words: &'a [u32],
}

impl<'a> Record<'a> {
    fn at(words: &'a [u32], start: u32) -> Record<'a> {
        match words.get(index(start)..) {
            Some(&[low, high, count, len, ref rest @ ..]) => Record {
                first: Place(u64::from(low) | u64::from(high) << 32),
                count,
                words: rest.get(..index(len)).unwrap_or_default(),
            },
            _ => Record { first: Place(0), count: 0, words: &[] },
        }
    }

    /// What it is.
    pub(crate) fn rec(&self) -> Option<Rec> {
        let head = self.words.first().copied().unwrap_or_default() & 0xff;
        Rec::ALL.get(index(head).wrapping_sub(1)).copied()
    }

    /// The flags of its first word.
    pub(crate) fn flags(&self) -> u32 {
        self.words.first().copied().unwrap_or_default() >> 8
    }

    /// The word at a place behind the first.
    pub(crate) fn word(&self, at: usize) -> u32 {
        self.words.get(at + 1).copied().unwrap_or_default()
    }

    pub(crate) fn id(&self, at: usize) -> Id {
        Id(self.word(at))
    }

    pub(crate) fn name(&self, at: usize) -> Name {
        Name(self.word(at))
    }

    /// The words of each element.
    pub(crate) fn elements(&self) -> impl Iterator<Item = &'a [u32]> + use<'a> {
        let (fixed, each) = self.rec().map_or((0, 0), Rec::shape);
        self.words.get(1 + fixed..).unwrap_or_default().chunks_exact(each.max(1))
    }
}

impl Records {
    pub(crate) fn get(&self, id: Id) -> Record<'_> {
        let number = id.0.wrapping_sub(1);
        let shard = self.shards.get(index(number) & (SHARDS - 1));
        let start = shard.and_then(|(starts, _)| starts.get(index(number >> SHARD_BITS)));
        match (shard, start) {
            (Some((_, words)), Some(&start)) => Record::at(words, start),
            _ => Record { first: Place(0), count: 0, words: &[] },
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Id, Record<'_>)> {
        self.shards.iter().enumerate().flat_map(|(which, (starts, words))| {
            starts.iter().enumerate().map(move |(at, &start)| {
                (Id((word(at) << SHARD_BITS | word(which)) + 1), Record::at(words, start))
            })
        })
    }

    /// One more than the largest id.
    pub(crate) fn limit(&self) -> usize {
        let longest = self.shards.iter().map(|(starts, _)| starts.len()).max().unwrap_or_default();
        (longest + 1) << SHARD_BITS
    }
}
