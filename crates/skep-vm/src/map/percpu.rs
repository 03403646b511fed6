//! Values: one for each slot, or one for each slot and CPU.
//!
//! The values of one CPU lie together, so that CPUs do not share cache lines.

use std::ops::Range;

use super::cpu;
use super::memory::{Bytes, BytesMut, WORD, Words};

/// What separates the areas of two CPUs, in words: two cache lines.
const GAP: usize = 16;

/// How many values a slot has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PerSlot {
    /// One, shared by all CPUs.
    One,
    /// One for each CPU.
    Cpu,
}

/// The values of a map, by slot.
pub(super) struct Values {
    words: Words,
    /// Words from one slot's value to the next one's.
    stride: usize,
    /// Words from one CPU's area to the next one's.
    area: usize,
    /// Bytes in a value.
    size: usize,
    per_slot: PerSlot,
}

/// How large values are together; the error is the number of bytes, as near as it can be told.
pub(super) struct Refused(pub(super) u64);

impl Values {
    pub(super) fn new(slots: u32, size: u32, per_slot: PerSlot) -> Result<Values, Refused> {
        let cpus = match per_slot {
            PerSlot::One => 1,
            PerSlot::Cpu => u64::from(cpu::count()),
        };
        let stride = u64::from(size).div_ceil(8);
        let area = stride.saturating_mul(u64::from(slots));
        let area = if cpus == 1 { area } else { area.saturating_add(GAP as u64) };
        let words = area.saturating_mul(cpus);
        let refused = || Refused(words.saturating_mul(WORD as u64));
        let to_usize = |n: u64| usize::try_from(n).map_err(|_| refused());
        Ok(Values {
            words: Words::zeroed(to_usize(words)?).ok_or_else(refused)?,
            stride: to_usize(stride)?,
            area: to_usize(area)?,
            size: to_usize(u64::from(size))?,
            per_slot,
        })
    }

    /// The addresses that values take.
    pub(super) fn range(&self) -> Range<usize> {
        self.words.range()
    }

    /// Bytes from one slot's value to the next one's.
    pub(super) fn stride(&self) -> usize {
        self.stride * WORD
    }

    pub(super) fn per_slot(&self) -> PerSlot {
        self.per_slot
    }

    /// The CPU whose value this thread means.
    #[inline]
    pub(super) fn here(&self) -> u32 {
        match self.per_slot {
            PerSlot::One => 0,
            PerSlot::Cpu => cpu::current(),
        }
    }

    /// All CPUs that have values.
    pub(super) fn cpus(&self) -> Range<u32> {
        match self.per_slot {
            PerSlot::One => 0..1,
            PerSlot::Cpu => 0..cpu::count(),
        }
    }

    #[inline]
    fn at(&self, slot: u32, cpu: u32) -> usize {
        cpu as usize * self.area + slot as usize * self.stride
    }

    /// Where a value lies, for as long as the map lives.
    #[inline]
    pub(super) fn address(&self, slot: u32, cpu: u32) -> *mut u8 {
        self.words.address(self.at(slot, cpu))
    }

    #[inline]
    pub(super) fn write(&self, slot: u32, cpu: u32, value: Bytes<'_>) {
        debug_assert_eq!(value.len(), self.size);
        self.words.write(self.at(slot, cpu), value);
    }

    /// Makes a recycled slot new: `value` for this CPU, zero for the others.
    pub(super) fn start(&self, slot: u32, value: Bytes<'_>) {
        let here = self.here();
        for cpu in self.cpus().filter(|&cpu| cpu != here) {
            let at = self.at(slot, cpu);
            self.words.clear(at..at + self.stride);
        }
        self.write(slot, here, value);
    }

    #[inline]
    pub(super) fn read(&self, slot: u32, cpu: u32, out: BytesMut<'_>) {
        self.words.read(self.at(slot, cpu), out);
    }
}
