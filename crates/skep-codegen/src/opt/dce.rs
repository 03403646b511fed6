//! Takes out what nothing needs: instructions, block parameters and what edges bring for them, writes to slots that
//! nobody reads, and slots.
//!
//! What is needed is found from the effects backwards, so that values that only feed each other around a loop go, too.

use super::Context;
use crate::ir::{Func, Op, Slot, Value};

/// Takes out all that nothing needs.
pub(super) fn run(func: &mut Func, _context: &Context) -> bool {
    let slots = ReadSlots::new(func);
    let needed = func.needed(|inst| !func.node(inst).op.is_removable() && !slots.is_vain(func, inst));
    let is_needed = |v: Value| needed[v.0 as usize];
    let mut changed = false;
    // Which parameters stay, by block; `None` if all do.
    let mut kept: Vec<Option<Vec<bool>>> = vec![None; func.blocks.len()];
    let entry = Func::ENTRY.0 as usize;
    for (at, block) in func.blocks.iter_mut().enumerate() {
        let before = block.insts.len();
        block.insts.retain(|v| is_needed(*v));
        changed |= block.insts.len() != before;
        if at != entry && !block.params.iter().all(|v| is_needed(*v)) {
            kept[at] = Some(block.params.iter().map(|v| is_needed(*v)).collect());
            block.params.retain(|v| is_needed(*v));
            changed = true;
        }
    }
    if kept.iter().any(Option::is_some) {
        for block in &mut func.blocks {
            block.term.each_edge_mut(|edge| {
                if let Some(kept) = &kept[edge.block.0 as usize] {
                    let mut kept = kept.iter();
                    edge.args.retain(|_| kept.next().is_none_or(|kept| *kept));
                }
            });
        }
    }
    changed | drop_slots(func)
}

/// Takes out the slots whose address nothing takes.
fn drop_slots(func: &mut Func) -> bool {
    if func.slots.is_empty() {
        return false;
    }
    let mut used = vec![false; func.slots.len()];
    let insts = || func.blocks.iter().flat_map(|block| &block.insts).copied();
    for inst in insts() {
        if let Op::Slot(slot) = func.node(inst).op {
            used[slot.0 as usize] = true;
        }
    }
    if used.iter().all(|used| *used) {
        return false;
    }
    let mut next = 0;
    let numbers: Vec<Slot> = used
        .iter()
        .map(|used| {
            let number = Slot(next);
            next += u32::from(*used);
            number
        })
        .collect();
    for inst in insts().collect::<Vec<_>>() {
        if let Op::Slot(slot) = &mut func.node_mut(inst).op {
            *slot = numbers[slot.0 as usize];
        }
    }
    let mut used = used.iter();
    func.slots.retain(|_| used.next().is_some_and(|used| *used));
    true
}

/// Which slots are read, or may be.
struct ReadSlots {
    read: Vec<bool>,
}

impl ReadSlots {
    fn new(func: &Func) -> ReadSlots {
        let mut slots = ReadSlots { read: vec![false; func.slots.len()] };
        if func.slots.is_empty() {
            return slots;
        }
        for block in &func.blocks {
            for &inst in &block.insts {
                match &func.node(inst).op {
                    Op::PtrAdd { index, .. } => index.iter().for_each(|v| slots.reads(func, *v)),
                    Op::Store { value, access, .. } if !access.volatile => slots.reads(func, *value),
                    Op::Copy { src, .. } => slots.reads(func, *src),
                    Op::Fill { .. } => {}
                    op => op.each_operand(|v| slots.reads(func, v)),
                }
            }
            block.term.each_operand(|v| slots.reads(func, v));
        }
        slots
    }

    fn reads(&mut self, func: &Func, value: Value) {
        match slot_of(func, value) {
            Origin::Slot(slot) => self.read[slot.0 as usize] = true,
            Origin::Unknown => self.read.fill(true),
            Origin::Other => {}
        }
    }

    /// Whether an instruction only writes to a slot that nobody reads.
    fn is_vain(&self, func: &Func, inst: Value) -> bool {
        let (Op::Store { ptr, .. } | Op::Copy { dst: ptr, .. } | Op::Fill { dst: ptr, .. }) =
            func.node(inst).op
        else {
            return false;
        };
        matches!(slot_of(func, ptr), Origin::Slot(slot) if !self.read[slot.0 as usize])
    }
}

enum Origin {
    Slot(Slot),
    Other,
    Unknown,
}

/// The slot that an address points into, whatever is added to it.
fn slot_of(func: &Func, mut value: Value) -> Origin {
    for _ in 0..64 {
        match func.node(value).op {
            Op::Slot(slot) => return Origin::Slot(slot),
            Op::PtrAdd { base, .. } => value = base,
            _ => return Origin::Other,
        }
    }
    Origin::Unknown
}
