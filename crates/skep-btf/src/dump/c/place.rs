//! How a C compiler is made to put members where they are.
//!
//! The rules are those of the System V ABIs of x86-64, AArch64 and BPF, which agree in them: a member starts at a
//! multiple of its alignment; a bit-field starts at the next bit unless it would cross a unit of its type; `packed`
//! makes every alignment 1 and lets bit-fields start at any bit.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A member that is to be placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field {
    /// Where it starts, in bits.
    pub(crate) start: u64,
    /// What it covers, in bits.
    pub(crate) bits: u64,
    /// The alignment of its type, in bytes.
    pub(crate) align: u64,
    /// The size of the type of a bit-field, in bits; 0 for another member.
    pub(crate) unit: u64,
}

impl Field {
    fn end(&self) -> u64 {
        self.start.saturating_add(self.bits)
    }

    /// Whether it can be where it is without `packed`.
    fn is_natural(&self) -> bool {
        if self.unit == 0 {
            self.start.is_multiple_of(8 * self.align)
        } else {
            self.start % self.unit + self.bits <= self.unit
        }
    }

    /// Where a compiler puts it behind what ends at `end`, without `packed`.
    fn follows(&self, end: u64) -> u64 {
        if self.unit == 0 {
            end.next_multiple_of(8 * self.align)
        } else if end % self.unit + self.bits <= self.unit {
            end
        } else {
            end.next_multiple_of(self.unit)
        }
    }
}

/// A struct or union as it is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Whether it has the attribute `packed`.
    pub(crate) packed: bool,
    /// The alignment that it then has, in bytes.
    pub(crate) align: u64,
    pub(crate) items: Vec<Item>,
}

/// What is written between the braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    /// The member with that index.
    Member(usize),
    /// Unnamed bit-fields that fill the bits from here to there.
    Pad(Pad),
    /// In a union: room of that many bytes.
    Room(u64),
    /// An anonymous union of anonymous structs: members that overlap each other.
    Layers(Vec<Plan>),
}

/// A gap, in bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pad {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl Pad {
    /// The unnamed bit-fields that fill the gap: the size of the type of each in bytes, and its width in bits. No type
    /// is more aligned than the struct, which it would align on some machines.
    pub(crate) fn chunks(self, plan: &Plan) -> impl Iterator<Item = (u64, u64)> + use<> {
        let (packed, align) = (plan.packed, plan.align);
        let mut at = self.start;
        std::iter::from_fn(move || {
            let left = self.end.checked_sub(at).filter(|&left| left > 0)?;
            let width = |size: u64| if packed { 8 * size } else { 8 * size - at % (8 * size) };
            let sizes = [1, 2, 4, 8].into_iter().filter(|&size| packed || size <= align);
            let (width, Reverse(size)) = sizes.map(|size| (width(size).min(left), Reverse(size))).max()?;
            at += width;
            Some((size, width))
        })
    }
}

/// Places the members of a struct of that size, in bytes, which all end inside it.
pub(crate) fn structure(size: u64, fields: &[Field]) -> Plan {
    if !fields.is_sorted_by(|a, b| a.end() <= b.start) {
        let union = layers(size, fields);
        let (packed, align) = (union.packed, union.align);
        return Plan { packed, align, items: vec![Item::Layers(vec![union])] };
    }
    let all: Vec<usize> = (0..fields.len()).collect();
    sequence(size, fields, &all)
}

/// Places the members of a union of that size, in bytes, which all end inside it.
pub(crate) fn union(size: u64, fields: &[Field]) -> Plan {
    if fields.iter().any(|field| field.start != 0) {
        return layers(size, fields);
    }
    let items = (0..fields.len()).map(Item::Member).collect();
    let need = fields.iter().map(Field::end).max().unwrap_or_default().div_ceil(8);
    overlay(size, need, fields.iter().map(|field| field.align).max().unwrap_or(1), items)
}

/// Members one behind the other.
fn sequence(size: u64, fields: &[Field], which: &[usize]) -> Plan {
    let align = which.iter().map(|&i| fields[i].align).max().unwrap_or(1).max(1);
    let packed = !size.is_multiple_of(align) || which.iter().any(|&i| !fields[i].is_natural());
    let mut plan = Plan { packed, align: if packed { 1 } else { align }, items: Vec::new() };
    plan.items.reserve_exact(which.len());
    let mut end = 0_u64;
    for &i in which {
        let field = &fields[i];
        let next = match (packed, field.unit) {
            (false, _) => field.follows(end),
            (true, 0) => end.next_multiple_of(8),
            (true, _) => end,
        };
        if next != field.start {
            plan.items.push(Item::Pad(Pad { start: end, end: field.start }));
        }
        plan.items.push(Item::Member(i));
        end = field.end();
    }
    if end.next_multiple_of(8 * plan.align) != 8 * size {
        plan.items.push(Item::Pad(Pad { start: end, end: 8 * size }));
    }
    plan
}

/// A union whose largest member has `need` bytes.
fn overlay(size: u64, need: u64, align: u64, mut items: Vec<Item>) -> Plan {
    let align = align.max(1);
    let packed = !size.is_multiple_of(align);
    let align = if packed { 1 } else { align };
    if need.next_multiple_of(align) != size {
        items.push(Item::Room(size));
    }
    Plan { packed, align, items }
}

/// A union of structs, each with members that do not overlap.
fn layers(size: u64, fields: &[Field]) -> Plan {
    let mut order: Vec<usize> = (0..fields.len()).collect();
    order.sort_by_key(|&i| (fields[i].start, i));
    let mut layers: Vec<Vec<usize>> = Vec::new();
    // The layer that ends first takes the next member if any does.
    let mut ends: BinaryHeap<Reverse<(u64, usize)>> = BinaryHeap::new();
    for i in order {
        let layer = match ends.peek() {
            Some(&Reverse((end, layer))) if end <= fields[i].start => {
                ends.pop();
                layer
            }
            _ => {
                layers.push(Vec::new());
                layers.len() - 1
            }
        };
        layers[layer].push(i);
        ends.push(Reverse((fields[i].end(), layer)));
    }
    let (mut need, mut align, mut items) = (0, 1, Vec::new());
    for layer in layers {
        let end = layer.iter().map(|&i| fields[i].end()).max().unwrap_or_default().div_ceil(8);
        let plan = sequence(end, fields, &layer);
        (need, align) = (end.max(need), plan.align.max(align));
        items.push(plan);
    }
    overlay(size, need, align, vec![Item::Layers(items)])
}

#[cfg(test)]
mod tests {
    use super::{Field, Item, Pad, Plan, structure, union};

    fn member(start: u64, size: u64, align: u64) -> Field {
        Field { start: 8 * start, bits: 8 * size, align, unit: 0 }
    }

    fn bits(start: u64, bits: u64, size: u64) -> Field {
        Field { start, bits, align: size, unit: 8 * size }
    }

    /// The plan in short: `p` for packed, the alignment, then a letter for each item.
    fn check(plan: &Plan, expected: &str) {
        fn text(plan: &Plan) -> String {
            let items = plan.items.iter().map(|item| match item {
                Item::Member(i) => i.to_string(),
                Item::Pad(pad) => {
                    let chunks = pad.chunks(plan).map(|(size, width)| format!("{size}:{width}"));
                    format!("[{}]", chunks.collect::<Vec<_>>().join(" "))
                }
                Item::Room(size) => format!("room {size}"),
                Item::Layers(plans) => {
                    format!("{{{}}}", plans.iter().map(text).collect::<Vec<_>>().join(" | "))
                }
            });
            let head = format!("{}{}", if plan.packed { "p" } else { "" }, plan.align);
            std::iter::once(head).chain(items).collect::<Vec<_>>().join(" ")
        }
        assert_eq!(text(plan), expected);
    }

    #[test]
    fn what_the_compiler_does_is_left_to_it() {
        check(
            &structure(16, &[member(0, 1, 1), member(4, 4, 4), member(8, 1, 1), member(10, 2, 2)]),
            "4 0 1 2 3 [4:32]",
        );
        check(&structure(12, &[member(0, 1, 1), member(4, 4, 4), member(8, 1, 1)]), "4 0 1 2");
        check(&structure(8, &[bits(0, 3, 4), bits(3, 29, 4), bits(32, 1, 4)]), "4 0 1 2");
        check(&structure(8, &[bits(0, 3, 4), bits(32, 30, 4)]), "4 0 1");
        check(&structure(0, &[]), "1");
        check(&structure(4, &[member(0, 4, 4), member(4, 0, 8)]), "p1 0 1");
        check(&union(8, &[member(0, 8, 8), bits(0, 3, 4)]), "8 0 1");
        check(&union(4, &[bits(0, 3, 4)]), "4 0");
    }

    #[test]
    fn gaps_are_filled() {
        check(&structure(16, &[member(0, 1, 1), member(8, 8, 8)]), "8 0 1");
        check(&structure(64, &[member(0, 8, 8)]), "8 0 [8:64 8:64 8:64 8:64 8:64 8:64 8:64]");
        check(&structure(24, &[member(0, 1, 1), member(16, 8, 8)]), "8 0 [8:56 8:64] 1");
        check(&structure(4, &[bits(0, 3, 4), bits(10, 2, 4)]), "4 0 [2:7] 1");
        check(&structure(4, &[bits(0, 3, 4), bits(17, 2, 4)]), "4 0 [4:14] 1");
        check(&structure(3, &[member(1, 1, 1)]), "1 [1:8] 0 [1:8]");
        check(&union(8, &[member(0, 4, 4)]), "4 0 room 8");
        check(
            &Plan { packed: true, align: 1, items: vec![Item::Pad(Pad { start: 3, end: 90 })] },
            "p1 [8:64 4:23]",
        );
    }

    #[test]
    fn packed_where_nothing_else_helps() {
        check(&structure(9, &[member(0, 1, 1), member(1, 8, 8)]), "p1 0 1");
        check(&structure(10, &[member(0, 8, 8)]), "p1 0 [2:16]");
        check(&structure(5, &[bits(0, 20, 4), bits(20, 20, 4)]), "p1 0 1");
        check(&union(9, &[member(0, 9, 1), member(0, 8, 8)]), "p1 0 1");
    }

    #[test]
    fn members_that_overlap_are_layers() {
        check(&structure(8, &[member(0, 4, 4), member(0, 4, 4), member(4, 4, 4)]), "4 {4 {4 0 2 | 4 1}}");
        check(&structure(8, &[member(4, 4, 4), member(0, 4, 4)]), "4 {4 {4 1 0}}");
        check(&union(8, &[member(0, 8, 8), member(4, 4, 4)]), "8 {8 0 | 4 [4:32] 1}");
    }
}
