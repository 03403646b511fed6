//! A few bytes to copy a key or a value to.

use super::memory::{Bytes, BytesMut};

/// As many are kept on the stack.
const SHORT: usize = 64;

/// Bytes of a length that is known at run time; on the stack if they are few.
pub(super) struct Scratch {
    short: [u8; SHORT],
    long: Vec<u8>,
    len: usize,
}

impl Scratch {
    /// That many zeros.
    pub(super) fn new(len: usize) -> Scratch {
        let long = if len > SHORT { vec![0; len] } else { Vec::new() };
        Scratch { short: [0; SHORT], long, len }
    }

    /// A copy.
    pub(super) fn copy(from: Bytes<'_>) -> Scratch {
        let mut copy = Scratch::new(from.len());
        copy.bytes_mut().copy_from(from);
        copy
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        if self.len > SHORT { &self.long } else { &self.short[..self.len] }
    }

    pub(super) fn as_mut_slice(&mut self) -> &mut [u8] {
        if self.len > SHORT { &mut self.long } else { &mut self.short[..self.len] }
    }

    pub(super) fn bytes(&self) -> Bytes<'_> {
        Bytes::new(self.as_slice())
    }

    pub(super) fn bytes_mut(&mut self) -> BytesMut<'_> {
        BytesMut::new(self.as_mut_slice())
    }
}
