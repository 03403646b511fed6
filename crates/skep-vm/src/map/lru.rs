//! Which entry a full LRU map gives up: the second-chance clock.
//!
//! A hand goes round the slots. An entry that was looked up or updated since the hand last came is spared once; the
//! next one is evicted. So a new entry stays for one round, one in use stays. Marking an entry costs a load, and a
//! store only once a round; there is no list to lock.

use std::sync::atomic::{AtomicU32, Ordering};

use super::memory::Words;
use super::percpu::Refused;

/// The clock.
pub(super) struct Clock {
    hand: AtomicU32,
    /// A bit for each slot: used since the hand came by.
    marks: Words,
}

impl Clock {
    pub(super) fn new(slots: u32) -> Result<Clock, Refused> {
        let words = u64::from(slots).div_ceil(64);
        let marks = usize::try_from(words).ok().and_then(Words::zeroed).ok_or(Refused(words * 8))?;
        Ok(Clock { hand: AtomicU32::new(0), marks })
    }

    /// Spares a slot when the hand comes next.
    #[inline]
    pub(super) fn mark(&self, slot: u32) {
        let (word, bit) = (&self.marks[slot as usize / 64], 1 << (slot % 64));
        if word.load(Ordering::Relaxed) & bit == 0 {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// Removes a slot's mark, and says whether it had one.
    pub(super) fn unmark(&self, slot: u32) -> bool {
        let (word, bit) = (&self.marks[slot as usize / 64], 1 << (slot % 64));
        word.load(Ordering::Relaxed) & bit != 0 && word.fetch_and(!bit, Ordering::Relaxed) & bit != 0
    }

    /// Moves the hand, and says over which of `slots` slots.
    pub(super) fn advance(&self, slots: u32) -> u32 {
        let next = |hand: u32| Some(if hand + 1 < slots { hand + 1 } else { 0 });
        match self.hand.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next) {
            Ok(hand) | Err(hand) => hand,
        }
    }
}
