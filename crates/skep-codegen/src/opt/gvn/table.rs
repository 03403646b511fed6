//! Values by what makes them.
//!
//! A hash table that keeps no keys: the instruction itself is the key. So it is small, and stays in the caches where
//! functions are long.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;

use crate::ir::Value;

/// Finds values by keys.
pub(super) struct Table {
    /// A power of two of them. What hashes alike stands side by side.
    slots: Vec<Slot>,
    used: usize,
}

#[derive(Clone, Copy)]
struct Slot {
    hash: u32,
    value: Value,
}

const EMPTY: Slot = Slot { hash: 0, value: Value(u32::MAX) };

impl Table {
    /// Has room for so many values, and grows.
    pub(super) fn new(values: usize) -> Table {
        let slots = (values + values / 2).next_power_of_two().max(16);
        Table { slots: vec![EMPTY; slots], used: 0 }
    }

    /// The place of the value that `is` the key's; if there is none, `value` takes it.
    pub(super) fn place(&mut self, key: impl Hash, value: Value, is: impl Fn(Value) -> bool) -> &mut Value {
        if self.used >= self.slots.len() / 4 * 3 {
            self.grow();
        }
        let mut hasher = FxHasher::default();
        key.hash(&mut hasher);
        let [a, b, c, d, ..] = hasher.finish().to_le_bytes();
        let hash = u32::from_le_bytes([a, b, c, d]);
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot.value == EMPTY.value {
                self.used += 1;
                self.slots[at] = Slot { hash, value };
                break;
            }
            if slot.hash == hash && is(slot.value) {
                break;
            }
            at = (at + 1) & mask;
        }
        &mut self.slots[at].value
    }

    fn grow(&mut self) {
        let mask = self.slots.len() * 2 - 1;
        let old = std::mem::replace(&mut self.slots, vec![EMPTY; mask + 1]);
        for slot in old.into_iter().filter(|slot| slot.value != EMPTY.value) {
            let mut at = slot.hash as usize & mask;
            while self.slots[at].value != EMPTY.value {
                at = (at + 1) & mask;
            }
            self.slots[at] = slot;
        }
    }
}
