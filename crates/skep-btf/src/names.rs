//! Types by name.

use std::hash::{BuildHasher, RandomState};

use crate::btf::Btf;
use crate::bytes::index;
use crate::types::TypeId;

/// How much of a name is hashed, in bytes. Names may share their ends, so that a small input can have many names that
/// are each almost as long as the whole.
const HASHED: usize = 256;

/// A hash table of the ids of named types; each bucket is a chain in ascending order.
///
/// Its seed is random, since the names may be an attacker's; no result depends on it.
#[derive(Debug, Clone)]
pub(crate) struct NameIndex {
    hasher: RandomState,
    /// The first type of each bucket, counted from 1 in the set without its base; 0 for none. There is a power of two.
    first: Vec<u32>,
    /// The type that follows each type (from 1) in its bucket, 0 for none.
    next: Vec<u32>,
}

impl NameIndex {
    pub(crate) fn new(btf: &Btf) -> NameIndex {
        let count = btf.store().records.len();
        let (first, next) = (vec![0; count.max(1).next_power_of_two()], vec![0; count + 1]);
        let mut names = NameIndex { hasher: RandomState::new(), first, next };
        for id in btf.ids().rev() {
            let (at, number) = (btf.name_ref(id), id.0 - btf.store().base);
            let name = btf.string_prefix(at, HASHED);
            if !name.is_empty() {
                let bucket = names.bucket(name);
                names.next[index(number)] = names.first[bucket];
                names.first[bucket] = number;
            }
        }
        names
    }

    /// Every type of that name, in order, but for those of the base.
    pub(crate) fn find<'a>(&'a self, btf: &'a Btf, name: &'a str) -> impl Iterator<Item = TypeId> + 'a {
        let first = if name.is_empty() { 0 } else { self.first[self.bucket(name)] };
        let follow = |&id: &u32| self.next.get(index(id)).copied().filter(|&id| id != 0);
        std::iter::successors((first != 0).then_some(first), follow)
            .map(|number| TypeId(btf.store().base + number))
            .filter(move |&id| btf.string_is(btf.name_ref(id), name))
    }

    fn bucket(&self, name: &str) -> usize {
        let name = &name[..name.floor_char_boundary(HASHED)];
        let mask = self.first.len() - 1;
        usize::try_from(self.hasher.hash_one(name) & u64::try_from(mask).unwrap_or(u64::MAX))
            .unwrap_or_default()
    }
}
