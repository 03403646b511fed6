//! Going through a map from a host.

use super::hash::Visit;
use super::memory::BytesMut;
use super::{Kind, Map};

/// Keys of a map, from [`Map::keys`].
pub struct Keys {
    map: Map,
    /// The slot or index to go on from.
    from: u32,
    /// All keys, if the map is a trie.
    listed: std::vec::IntoIter<Vec<u8>>,
}

impl Keys {
    pub(super) fn new(map: &Map) -> Keys {
        let listed = match &map.inner.kind {
            Kind::Trie(trie) => trie.keys(),
            _ => Vec::new(),
        };
        Keys { map: map.clone(), from: 0, listed: listed.into_iter() }
    }
}

impl Iterator for Keys {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        match &self.map.inner.kind {
            Kind::Array(array) => {
                let index = Some(self.from).filter(|&index| index < array.len())?;
                self.from += 1;
                Some(index.to_ne_bytes().to_vec())
            }
            Kind::Hash(hash) => {
                let mut found = None;
                hash.visit(self.from, |slot, key| {
                    let mut copy = vec![0; key.len()];
                    BytesMut::new(&mut copy).copy_from(key);
                    self.from = slot + 1;
                    found = Some(copy);
                    Visit::Stop
                });
                found
            }
            Kind::ProgArray(progs) => {
                let index = progs.next_set(self.from)?;
                self.from = index.saturating_add(1);
                Some(index.to_ne_bytes().to_vec())
            }
            Kind::Trie(_) => self.listed.next(),
            Kind::Queue(_) | Kind::RingBuf(_) => None,
        }
    }
}

/// Entries of a map, from [`Map::iter`].
pub struct Iter {
    keys: Keys,
}

impl Iter {
    pub(super) fn new(map: &Map) -> Iter {
        Iter { keys: map.keys() }
    }
}

impl Iterator for Iter {
    type Item = (Vec<u8>, Vec<u8>);

    fn next(&mut self) -> Option<(Vec<u8>, Vec<u8>)> {
        let map = self.keys.map.clone();
        match &map.inner.kind {
            Kind::Queue(queue) => {
                let mut value = vec![0; map.inner.value_size];
                let nth = usize::try_from(self.keys.from).ok()?;
                self.keys.from += 1;
                queue.nth(nth, BytesMut::new(&mut value)).then(|| (Vec::new(), value))
            }
            Kind::ProgArray(progs) => {
                let key = self.keys.next()?;
                let index = u32::from_ne_bytes(key.as_slice().try_into().ok()?);
                Some((key, progs.get(index).unwrap_or(0).to_ne_bytes().to_vec()))
            }
            Kind::Trie(trie) => loop {
                let key = self.keys.next()?;
                let copy = |slot| map.copy_each(trie.values(), slot).concat();
                if let Some(value) = trie.find_exact_then(super::Bytes::new(&key), copy) {
                    return Some((key, value));
                }
            },
            Kind::RingBuf(_) => None,
            Kind::Array(_) | Kind::Hash(_) => loop {
                let key = self.keys.next()?;
                let bytes = super::Bytes::new(&key);
                let copy = |values: &_, slot| map.copy_each(values, slot).concat();
                // A key that went away since is none of ours.
                if let Some(value) = map.find_then(bytes, copy) {
                    return Some((key, value));
                }
            },
        }
    }
}

impl IntoIterator for &Map {
    type Item = (Vec<u8>, Vec<u8>);
    type IntoIter = Iter;

    fn into_iter(self) -> Iter {
        self.iter()
    }
}
