//! Slots that are never needed at the same time become one.
//!
//! Variables of scopes beside each other, and of functions inlined one after the other, take no more of the 512 bytes
//! than the largest of them. Blocks that differed by their variables only are the same then.

use super::Context;
use super::alias::{Aliases, Reach};
use crate::ir::{Cfg, Func, Op, Slot, Value};

/// How many slots are looked at: the bits of a set.
const MAX_SLOTS: usize = 128;

pub(super) fn run(func: &mut Func, context: &Context) -> bool {
    if func.slots.len() < 2 {
        return false;
    }
    let cfg = Cfg::new(func);
    let aliases = Aliases::new(func, &cfg, context);
    let apart = Apart::new(func, &cfg, &aliases);
    let mut with: Vec<Slot> = Vec::with_capacity(func.slots.len());
    // For each slot that others join: the sets of those that are in use when one of them is.
    let mut conflicts: Vec<u128> = Vec::new();
    for (at, slot) in (0u32..).zip(&func.slots) {
        conflicts.push(apart.conflicts.get(at as usize).copied().unwrap_or(u128::MAX));
        let is_free = |slot: usize| slot < MAX_SLOTS && aliases.reach(Slot(at)) != Reach::Escaped;
        let joined = (0..at).find(|&other| {
            let first = &func.slots[other as usize];
            with[other as usize] == Slot(other)
                && is_free(at as usize)
                && aliases.reach(Slot(other)) != Reach::Escaped
                && first.size == slot.size
                && conflicts[other as usize] >> at & 1 == 0
        });
        if let Some(other) = joined {
            conflicts[other as usize] |= conflicts[at as usize];
        }
        with.push(joined.map_or(Slot(at), Slot));
    }
    if with.iter().zip(0..).all(|(slot, at)| slot.0 == at) {
        return false;
    }
    for (at, slot) in with.iter().enumerate() {
        let align = func.slots[at].align.max(func.slots[slot.0 as usize].align);
        func.slots[slot.0 as usize].align = align;
    }
    let insts: Vec<Value> = func.blocks.iter().flat_map(|block| &block.insts).copied().collect();
    for inst in insts {
        if let Op::Slot(slot) = &mut func.node_mut(inst).op {
            *slot = with[slot.0 as usize];
        }
    }
    true
}

/// Which slots are in use at the same time.
struct Apart {
    conflicts: Vec<u128>,
}

impl Apart {
    /// A slot is in use from its first access to its last one, on any way.
    fn new(func: &Func, cfg: &Cfg, aliases: &Aliases) -> Apart {
        let count = func.slots.len().min(MAX_SLOTS);
        let bit = |slot: Slot| if (slot.0 as usize) < MAX_SLOTS { 1u128 << slot.0 } else { 0 };
        let accesses = |inst: Value| {
            let op = &func.node(inst).op;
            let mut bits = 0;
            if !matches!(op, Op::PtrAdd { .. } | Op::Cmp(..)) {
                op.each_operand(|v| bits |= aliases.slot(v).map_or(0, bit));
            }
            bits
        };
        let mut here = vec![0u128; func.blocks.len()];
        for &block in &cfg.order {
            for &inst in &func.block(block).insts {
                here[block.0 as usize] |= accesses(inst);
            }
        }
        let (mut before, mut behind) = (vec![0u128; func.blocks.len()], vec![0u128; func.blocks.len()]);
        let mut changed = true;
        while changed {
            changed = false;
            for &block in &cfg.order {
                let bits = cfg.preds(block).iter().map(|pred| pred.0 as usize);
                let bits = bits.fold(0, |bits, pred| bits | before[pred] | here[pred]);
                changed |= before[block.0 as usize] != bits;
                before[block.0 as usize] = bits;
            }
            for &block in cfg.order.iter().rev() {
                let mut bits = 0;
                func.block(block).term.each_edge(|edge| {
                    let next = edge.block.0 as usize;
                    bits |= behind[next] | here[next];
                });
                changed |= behind[block.0 as usize] != bits;
                behind[block.0 as usize] = bits;
            }
        }
        let mut conflicts = vec![0u128; count];
        for &block in &cfg.order {
            if here[block.0 as usize] == 0 {
                continue;
            }
            let touching: Vec<u128> = func
                .block(block)
                .insts
                .iter()
                .map(|inst| accesses(*inst))
                .filter(|bits| *bits != 0)
                .collect();
            // What is accessed behind each of them.
            let mut later = vec![behind[block.0 as usize]; touching.len()];
            for at in (1..touching.len()).rev() {
                later[at - 1] = later[at] | touching[at];
            }
            let mut earlier = before[block.0 as usize];
            for (bits, later) in touching.iter().zip(later) {
                let in_use = bits | earlier & later;
                earlier |= bits;
                for (slot, conflicts) in conflicts.iter_mut().enumerate() {
                    if in_use >> slot & 1 == 1 {
                        *conflicts |= in_use & !(1 << slot);
                    }
                }
            }
        }
        Apart { conflicts }
    }
}
