//! All that is in a map.

use std::io;

use super::Map;
use crate::error::Error;
use crate::sys::BatchCursor;

/// The keys and values of a map, from [`Map::iter`].
///
/// It reads many at once, and follows one key to the next where the kernel cannot do that.
#[derive(Debug)]
pub struct Entries<'a> {
    map: &'a Map,
    state: State,
    keys: Vec<u8>,
    values: Vec<u8>,
    /// How many of these have been given.
    given: usize,
}

#[derive(Debug)]
enum State {
    /// Many at once.
    Batch { cursor: BatchCursor, count: u32 },
    /// One after another; the last key.
    Single(Option<Vec<u8>>),
    /// All have been read.
    End,
}

/// How many to read at once, at first: most maps are small.
const COUNT: u32 = 128;
/// How many to read at once at most.
const MOST: u32 = 1 << 16;

impl<'a> Entries<'a> {
    pub(super) fn new(map: &'a Map) -> Entries<'a> {
        let count = map.max_entries().clamp(1, COUNT);
        let state = if map.fd().key_len() == 0 {
            State::End
        } else {
            State::Batch { cursor: BatchCursor::default(), count }
        };
        Entries { map, state, keys: Vec::new(), values: Vec::new(), given: 0 }
    }

    /// Reads on; whether there is anything.
    fn read(&mut self) -> Result<bool, Error> {
        loop {
            (self.given, self.state) = (
                0,
                match std::mem::replace(&mut self.state, State::End) {
                    State::End => return Ok(false),
                    State::Batch { cursor, count } => self.batch(cursor, count)?,
                    State::Single(key) => return self.single(key),
                },
            );
            if !self.keys.is_empty() {
                return Ok(true);
            }
        }
    }

    fn batch(&mut self, mut cursor: BatchCursor, count: u32) -> Result<State, Error> {
        self.keys.clear();
        self.values.clear();
        match self.map.fd().lookup_batch(&mut cursor, count, &mut self.keys, &mut self.values) {
            Ok(true) => Ok(State::Batch { cursor, count: (count * 2).min(MOST) }),
            Ok(false) => Ok(State::End),
            // A bucket that holds more.
            Err(error) if error.raw_os_error() == Some(libc::ENOSPC) && count < MOST => {
                Ok(State::Batch { cursor, count: count * 2 })
            }
            // Not for this type of map, or an old kernel. If that is not it, the other way fails too.
            Err(_) if cursor.is_start() => Ok(State::Single(None)),
            Err(error) => Err(self.map.error("read", error)),
        }
    }

    fn single(&mut self, mut key: Option<Vec<u8>>) -> Result<bool, Error> {
        let is_none = |error: &io::Error| error.raw_os_error() == Some(libc::ENOENT);
        loop {
            let next = match self.map.fd().next_key(key.as_deref()) {
                Ok(next) => next,
                Err(error) if is_none(&error) => return Ok(false),
                Err(error) => return Err(self.map.error("read", error)),
            };
            match self.map.fd().lookup(&next, 0) {
                Ok(value) => {
                    (self.keys, self.values, self.given) = (next.clone(), value, 0);
                    self.state = State::Single(Some(next));
                    return Ok(true);
                }
                // Removed meanwhile.
                Err(error) if is_none(&error) => key = Some(next),
                Err(error) => return Err(self.map.error("read", error)),
            }
        }
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<(Vec<u8>, Vec<u8>), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let [key_len, value_len] = [self.map.fd().key_len(), self.map.fd().value_len()];
        if self.given * key_len >= self.keys.len() {
            match self.read() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.keys.clear();
                    return Some(Err(error));
                }
            }
        }
        let part = |bytes: &[u8], len: usize| {
            bytes.get(self.given * len..).and_then(|rest| rest.get(..len)).map(<[u8]>::to_vec)
        };
        let entry = part(&self.keys, key_len).zip(part(&self.values, value_len));
        self.given += 1;
        entry.map(Ok)
    }
}
