//! Arrays: keys are indices, every entry exists from the start, all bytes zero.

use super::error::Errno;
use super::flags::UpdateFlags;
use super::memory::{Bytes, BytesMut};
use super::percpu::{PerSlot, Refused, Values};

/// `BPF_MAP_TYPE_ARRAY` and `BPF_MAP_TYPE_PERCPU_ARRAY`.
pub(super) struct Array {
    values: Values,
    len: u32,
}

impl Array {
    pub(super) fn new(len: u32, value_size: u32, per_slot: PerSlot) -> Result<Array, Refused> {
        Ok(Array { values: Values::new(len, value_size, per_slot)?, len })
    }

    pub(super) fn values(&self) -> &Values {
        &self.values
    }

    pub(super) fn len(&self) -> u32 {
        self.len
    }

    /// The slot of a key.
    #[inline]
    pub(super) fn find(&self, key: Bytes<'_>) -> Option<u32> {
        Some(key.u32()).filter(|&index| index < self.len)
    }

    /// The slot that an update may write.
    pub(super) fn writable(&self, key: Bytes<'_>, flags: UpdateFlags) -> Result<u32, Errno> {
        let slot = self.find(key).ok_or(Errno::TooBig)?;
        match flags {
            UpdateFlags::NoExist => Err(Errno::Exists),
            UpdateFlags::Any | UpdateFlags::Exist => Ok(slot),
        }
    }

    /// The key after this one; the first one if there is no such key.
    pub(super) fn next_key(&self, key: Option<Bytes<'_>>, mut next: BytesMut<'_>) -> Result<(), Errno> {
        let index = match key.and_then(|key| self.find(key)) {
            None => 0,
            Some(index) if index + 1 < self.len => index + 1,
            Some(_) => return Err(Errno::NotFound),
        };
        next.set_front(index);
        Ok(())
    }
}
