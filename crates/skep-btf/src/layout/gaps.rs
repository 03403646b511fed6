//! Where no member is.

use crate::layout::{Member, Sort};

/// What is unused in a struct.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Gaps {
    /// By member: what is unused before it.
    pub(super) before: Vec<Hole>,
    /// What is unused at the end.
    pub(super) end: Hole,
}

/// Unused memory: the rest of a bit-field's unit, and whole bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Hole {
    pub(super) bits: u64,
    pub(super) bytes: u64,
}

/// Where a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) bit_offset: u64,
    /// Of its type, in bytes.
    pub(super) size: u64,
    pub(super) bit_size: Option<u64>,
}

impl Span {
    /// In bits, from the start of its layout.
    fn end(&self) -> u64 {
        self.bit_offset.saturating_add(self.bit_size.unwrap_or(self.size.saturating_mul(8)))
    }

    /// Where the unit of a bit-field starts, in bits: at a multiple of the size of its type.
    pub(super) fn unit(&self) -> u64 {
        let size = self.size.saturating_mul(8).max(8);
        self.bit_offset / size * size
    }
}

impl Member {
    pub(super) fn span(&self) -> Span {
        Span { bit_offset: self.bit_offset, size: self.size, bit_size: self.bit_size }
    }

    /// Where it starts, in bytes; of a bit-field, where its unit does.
    pub(super) fn byte_offset(&self) -> u64 {
        if self.bit_size.is_some() { self.span().unit() / 8 } else { self.bit_offset / 8 }
    }

    /// Where a bit-field starts in its unit, in bits.
    pub(super) fn bit_in_unit(&self) -> u64 {
        self.bit_offset - self.span().unit()
    }
}

/// Finds what is unused; in a union, that is only what is behind its largest member.
pub(super) fn of(sort: Sort, size: u64, spans: impl ExactSizeIterator<Item = Span>) -> Gaps {
    let size = size.saturating_mul(8);
    let mut gaps = Gaps::default();
    let count = spans.len();
    if sort != Sort::Struct {
        let end = spans.map(|span| span.end()).max().unwrap_or_default();
        gaps.before = vec![Hole::default(); count];
        gaps.end.bytes = size.saturating_sub(end.next_multiple_of(8)) / 8;
        return gaps;
    }
    // How far memory is used, and how far the unit of the last bit-field goes beyond that.
    let (mut end, mut unit_end) = (0_u64, 0_u64);
    for member in spans {
        let start = member.bit_offset;
        let mut hole = Hole::default();
        // What is left of the unit.
        let left = unit_end.min(start);
        hole.bits += left.saturating_sub(end);
        end = end.max(left);
        // Whole bytes, up to a bit-field's own unit.
        let unit = if member.bit_size.is_some() { member.unit().max(end) } else { start };
        hole.bytes += unit.min(start).saturating_sub(end) / 8;
        end = end.max(unit.min(start));
        hole.bits += start.saturating_sub(end) % if member.bit_size.is_some() { u64::MAX } else { 8 };
        gaps.before.push(hole);
        end = end.max(member.end());
        unit_end = match member.bit_size {
            Some(_) => unit_end.max(member.unit().saturating_add(member.size.saturating_mul(8))).max(end),
            None => 0,
        };
    }
    if count > 0 {
        let left = unit_end.min(size);
        gaps.end.bits = left.saturating_sub(end);
        end = end.max(left);
    }
    gaps.end.bytes = size.saturating_sub(end) / 8;
    gaps
}
