//! Names of the debug information, as numbers that are equal if the names are.

use std::borrow::Cow;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, PoisonError};

use crate::hash::{Map, Seed};
use crate::reader::{index, word};

/// A name of the file's debug information.
///
/// Linkers keep one copy of each string, so its place stands for it, and no byte of it is read until the types are
/// written. What compilers write in place (strings of up to 3 bytes) is kept in the number. Anything else is looked up.
/// Equal names may still have different numbers, if there are compilers of both habits; `pool::same_names` sees to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Name(pub(crate) u32);

/// The upper two bits: the name itself, where it is in `.debug_str`, or its index in the table.
const KIND: u32 = 3 << 30;
const IN_STR: u32 = 1 << 30;
const IN_TABLE: u32 = 2 << 30;
const SHARD_BITS: u32 = 4;

impl Name {
    /// No name.
    pub(crate) const NONE: Name = Name(0);

    pub(crate) fn is_none(self) -> bool {
        self == Name::NONE
    }
}

/// What names are made from.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    debug_str: &'a [u8],
    /// Whether a place in `.debug_str` stands for its string.
    by_place: bool,
    hasher: Seed,
    shards: [Mutex<Shard>; 1 << SHARD_BITS],
}

#[derive(Debug, Default)]
struct Shard {
    known: Map<Arc<[u8]>, u32>,
    list: Vec<Arc<[u8]>>,
}

impl<'a> Names<'a> {
    pub(crate) fn new(debug_str: &'a [u8], by_place: bool) -> Names<'a> {
        Names { debug_str, by_place, hasher: Seed::default(), shards: Default::default() }
    }

    /// The string at a place of `.debug_str`; `None` outside of it.
    #[inline]
    pub(crate) fn at(&self, offset: u64) -> Option<Name> {
        match u32::try_from(offset) {
            Ok(at) if at & KIND == 0 && self.by_place && index(at) < self.debug_str.len() => {
                Some(Name(at | IN_STR))
            }
            _ => Some(self.name(string_at(self.debug_str, offset)?)),
        }
    }

    /// Any string.
    #[inline]
    pub(crate) fn name(&self, string: &[u8]) -> Name {
        match *string {
            [] => Name::NONE,
            [a] => Name(u32::from_le_bytes([a, 0, 0, 0])),
            [a, b] => Name(u32::from_le_bytes([a, b, 0, 0])),
            [a, b, c] => Name(u32::from_le_bytes([a, b, c, 0])),
            _ => self.look_up(string),
        }
    }

    fn look_up(&self, string: &[u8]) -> Name {
        let shard_index = self.hasher.hash_one(string) & ((1 << SHARD_BITS) - 1);
        let mut shard = self.shards[index(shard_index)].lock().unwrap_or_else(PoisonError::into_inner);
        let at = match shard.known.get(string) {
            Some(&at) => at,
            None => {
                let (at, string) = (word(shard.list.len()), Arc::<[u8]>::from(string));
                shard.list.push(Arc::clone(&string));
                shard.known.insert(string, at);
                at
            }
        };
        Name(IN_TABLE | at << SHARD_BITS | word(shard_index))
    }

    /// The bytes of a name.
    pub(crate) fn text(&self, name: Name) -> Cow<'a, [u8]> {
        match name.0 & KIND {
            IN_STR => Cow::Borrowed(string_at(self.debug_str, (name.0 & !KIND).into()).unwrap_or_default()),
            IN_TABLE => {
                let at = name.0 & !KIND;
                let shard = &self.shards[index(at & ((1 << SHARD_BITS) - 1))];
                let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
                Cow::Owned(
                    shard.list.get(index(at >> SHARD_BITS)).map(|text| text.to_vec()).unwrap_or_default(),
                )
            }
            _ => Cow::Owned(name.0.to_le_bytes().into_iter().take_while(|&byte| byte != 0).collect()),
        }
    }
}

/// The string at a place of a section, terminator excluded.
pub(crate) fn string_at(section: &[u8], offset: u64) -> Option<&[u8]> {
    let rest = section.get(usize::try_from(offset).ok()?..)?;
    rest.get(..rest.iter().position(|&byte| byte == 0)?)
}
