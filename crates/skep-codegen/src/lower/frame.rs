//! The stack frame: slots of the function, which share room where they can, then those where registers are spilled.

use super::machine::{At, FramePlace, Kind, Program};
use super::sharing::Conflicts;
use crate::ir::{Func, SlotData};

/// Where things are in the frame.
pub(super) struct Frame {
    /// Of each slot, the distance from r10; 0 if it is not used.
    offsets: Vec<i32>,
    /// Bytes of the slots.
    size: u32,
}

/// A slot of spilled registers.
const SPILL: u32 = 8;

/// The alignment that a slot is given: at least its own, and what accesses of its size like.
pub(super) fn align(slot: &SlotData) -> u32 {
    let natural = match slot.size {
        0 | 1 => 1,
        2 | 3 => 2,
        4..8 => 4,
        _ => 8,
    };
    slot.align.clamp(natural, 8)
}

impl Frame {
    /// `keeps` tells that helpers, too, may keep addresses that they are given.
    pub(super) fn new(func: &Func, program: &Program, keeps: bool) -> Frame {
        let count = func.slots.len() + program.own_slots.len();
        let mut used = vec![false; count];
        if count > 0 {
            for inst in &program.insts {
                if let Some(place) = place(&inst.kind) {
                    used[place.slot.0 as usize] = true;
                }
            }
        }
        let data = |at: usize| match func.slots.get(at) {
            Some(slot) => (slot.size, align(slot)),
            None => (program.own_slots[at - func.slots.len()], 8),
        };
        let sizes: Vec<Option<u32>> = (0..count).map(|at| used[at].then(|| data(at).0)).collect();
        let conflicts = Conflicts::find(program, &sizes, keeps);
        let mut order: Vec<usize> = (0..count).filter(|&at| used[at]).collect();
        order.sort_by_key(|&at| std::cmp::Reverse((data(at).1, data(at).0)));
        let mut offsets = vec![0; count];
        let mut size = 0u32;
        // Slots that have room: which, and from where to where below r10; the first one is the highest.
        let mut placed: Vec<(usize, u32, u32)> = Vec::with_capacity(order.len());
        for at in order {
            let (bytes, align) = data(at);
            let end =
                |top: u32| top.saturating_add(bytes).checked_next_multiple_of(align).unwrap_or(u32::MAX);
            let mut low = end(0);
            for &(other, top, bottom) in &placed {
                let apart = conflicts.as_ref().is_some_and(|conflicts| !conflicts.between(at, other));
                if !apart && top < low && bottom > low - bytes {
                    low = end(bottom);
                }
            }
            let place = placed.partition_point(|&(_, top, _)| top < low - bytes);
            placed.insert(place, (at, low - bytes, low));
            size = size.max(low);
            offsets[at] = i32::try_from(low).map_or(i32::MIN, |low| -low);
        }
        Frame { offsets, size }
    }

    /// Where spilled registers begin, in bytes.
    fn spills(&self) -> u32 {
        self.size.checked_next_multiple_of(SPILL).unwrap_or(u32::MAX)
    }

    /// Bytes in all, if so many registers are spilled.
    pub(super) fn size(&self, spills: usize) -> u32 {
        if spills == 0 {
            return self.size;
        }
        let spilled = u32::try_from(spills).unwrap_or(u32::MAX).saturating_mul(SPILL);
        self.spills().saturating_add(spilled)
    }

    /// The distance of a place from r10.
    pub(super) fn offset(&self, place: FramePlace) -> i32 {
        self.offsets[place.slot.0 as usize].saturating_add(place.offset)
    }

    /// The distance of a spilled register from r10.
    pub(super) fn spill(&self, slot: usize) -> i32 {
        let below = u64::from(self.spills()) + (slot as u64 + 1) * u64::from(SPILL);
        i32::try_from(below).map_or(i32::MIN, |below| -below)
    }

    /// Whether a slot is in the frame.
    pub(super) fn has(&self, slot: usize) -> bool {
        self.offsets.get(slot).is_some_and(|&offset| offset != 0)
    }
}

/// The place in the frame that an instruction uses.
fn place(kind: &Kind) -> Option<FramePlace> {
    match *kind {
        Kind::Frame(place) => Some(place),
        Kind::Load { at: At::Frame(place), .. }
        | Kind::Store { at: At::Frame(place), .. }
        | Kind::StoreImm { at: At::Frame(place), .. }
        | Kind::Atomic { at: At::Frame(place), .. }
        | Kind::Fetch { at: At::Frame(place), .. }
        | Kind::CmpXchg { at: At::Frame(place), .. }
        | Kind::AtomicLoop { at: At::Frame(place), .. }
        | Kind::LoadAcquire { at: At::Frame(place), .. }
        | Kind::StoreRelease { at: At::Frame(place), .. } => Some(place),
        _ => None,
    }
}
