//! Program arrays: what tail calls jump to. What a handle means is the runtime's business.

use std::sync::atomic::{AtomicU64, Ordering};

use super::error::Errno;
use super::memory::{WORD, Words};
use super::percpu::Refused;

/// `BPF_MAP_TYPE_PROG_ARRAY`.
pub(super) struct ProgArray {
    /// Handles plus one; zero where there is none.
    slots: Words,
}

impl ProgArray {
    pub(super) fn new(len: u32) -> Result<ProgArray, Refused> {
        let refused = || Refused(u64::from(len) * WORD as u64);
        let slots = usize::try_from(len).ok().and_then(Words::zeroed).ok_or_else(refused)?;
        Ok(ProgArray { slots })
    }

    #[inline]
    fn slot(&self, index: u32) -> Option<&AtomicU64> {
        self.slots.get(usize::try_from(index).ok()?)
    }

    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<u64> {
        self.slot(index)?.load(Ordering::Acquire).checked_sub(1)
    }

    pub(super) fn set(&self, index: u32, handle: u64) -> Result<(), Errno> {
        let slot = self.slot(index).ok_or(Errno::TooBig)?;
        slot.store(handle.checked_add(1).ok_or(Errno::Invalid)?, Ordering::Release);
        Ok(())
    }

    pub(super) fn clear(&self, index: u32) -> Result<(), Errno> {
        let slot = self.slot(index).ok_or(Errno::TooBig)?;
        match slot.swap(0, Ordering::AcqRel) {
            0 => Err(Errno::NotFound),
            _ => Ok(()),
        }
    }

    /// The first slot from an index on that holds a program.
    pub(super) fn next_set(&self, from: u32) -> Option<u32> {
        (from..)
            .zip(self.slots.get(usize::try_from(from).ok()?..)?)
            .find_map(|(index, slot)| (slot.load(Ordering::Relaxed) != 0).then_some(index))
    }

    /// How many slots hold a program; linear.
    pub(super) fn len(&self) -> usize {
        self.slots.iter().filter(|slot| slot.load(Ordering::Relaxed) != 0).count()
    }
}
