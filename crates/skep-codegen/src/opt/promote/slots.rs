//! Which pieces of which slots can become values.

use crate::ir::{Access, Cfg, Func, Op, Slot, Type, Value, Width};

/// What is known of addresses: the slot, and the constant number of bytes in it.
pub(super) struct Addresses(Vec<Option<(Slot, i64)>>);

impl Addresses {
    pub(super) fn new(func: &Func, cfg: &Cfg) -> Addresses {
        let mut of = vec![None; func.nodes.len()];
        for &block in &cfg.order {
            for &inst in &func.block(block).insts {
                of[inst.0 as usize] = match func.node(inst).op {
                    Op::Slot(slot) => Some((slot, 0)),
                    Op::PtrAdd { base, index: None, offset } => {
                        let of: Option<(Slot, i64)> = of[base.0 as usize];
                        of.and_then(|(slot, at)| Some((slot, at.checked_add(offset)?)))
                    }
                    _ => None,
                };
            }
        }
        Addresses(of)
    }

    pub(super) fn of(&self, value: Value) -> Option<(Slot, i64)> {
        self.0.get(value.0 as usize).copied().flatten()
    }

    /// The bytes that an access touches, if it is inside its slot.
    pub(super) fn range(&self, func: &Func, ptr: Value, offset: i32, bytes: u32) -> Option<(Slot, Range)> {
        let (slot, at) = self.of(ptr)?;
        let start = u32::try_from(at.checked_add(offset.into())?).ok()?;
        let end = start.checked_add(bytes)?;
        (end <= func.slots[slot.0 as usize].size).then_some((slot, Range { start, end }))
    }
}

/// Bytes of a slot: the first one, and the one behind the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Range {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Range {
    pub(super) const fn len(self) -> u32 {
        self.end - self.start
    }

    const fn contains(self, other: Range) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    const fn meets(self, other: Range) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// The same bytes, counted from elsewhere.
    pub(super) const fn moved(self, from: u32, to: u32) -> Range {
        Range { start: self.start - from + to, end: self.end - from + to }
    }
}

/// A piece that becomes a variable.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) range: Range,
    pub(super) ty: Type,
    /// Its number among all of the function.
    pub(super) var: u32,
}

/// What becomes of the slots of a function.
pub(super) struct Pieces {
    /// For each slot its pieces in order.
    slots: Vec<Vec<Piece>>,
    /// For each slot what is accessed in memory.
    kept: Vec<Kept>,
    count: u32,
}

/// What is accessed of a slot in memory.
#[derive(Default)]
struct Kept {
    /// Its address goes elsewhere: perhaps everything.
    escapes: bool,
    accesses: Vec<Range>,
    read: Vec<Range>,
    written: Vec<Range>,
}

impl Pieces {
    /// How many variables there are.
    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    /// The piece that is exactly there.
    pub(super) fn at(&self, slot: Slot, range: Range) -> Option<Piece> {
        let pieces = &self.slots[slot.0 as usize];
        let at = pieces.binary_search_by_key(&range.start, |piece| piece.range.start).ok()?;
        Some(pieces[at]).filter(|piece| piece.range == range)
    }

    /// The pieces within a range.
    pub(super) fn within(&self, slot: Slot, range: Range) -> impl Iterator<Item = Piece> + '_ {
        let pieces = &self.slots[slot.0 as usize];
        let first = pieces.partition_point(|piece| piece.range.start < range.start);
        pieces[first..].iter().copied().take_while(move |piece| piece.range.end <= range.end)
    }

    /// Whether bytes may be read in memory.
    pub(super) fn is_read(&self, slot: Slot, range: Range) -> bool {
        let kept = &self.kept[slot.0 as usize];
        kept.escapes || kept.accesses.iter().chain(&kept.read).any(|it| it.meets(range))
    }

    /// Whether bytes may be written in memory.
    pub(super) fn is_written(&self, slot: Slot, range: Range) -> bool {
        let kept = &self.kept[slot.0 as usize];
        kept.escapes || kept.accesses.iter().chain(&kept.written).any(|it| it.meets(range))
    }
}

/// What is found out about a slot.
#[derive(Clone, Default)]
struct Found {
    escapes: bool,
    /// Accessed bytes; the type is that of the access, `None` if the bytes cannot be a value.
    accesses: Vec<(Range, Option<Type>)>,
    /// Bytes that are copied from here.
    read: Vec<Range>,
    /// Bytes that are filled, or copied to here.
    written: Vec<Range>,
}

impl Found {
    /// What a copy or a fill touches only in part stays in memory.
    fn keep_split(&mut self) {
        for block in self.read.iter().chain(&self.written) {
            for bound in [block.start, block.end] {
                // No access has more than 8 bytes.
                let first = self.accesses.partition_point(|(range, _)| range.start + 8 <= bound);
                for (range, ty) in &mut self.accesses[first..] {
                    if range.start >= bound {
                        break;
                    }
                    if bound < range.end {
                        *ty = None;
                    }
                }
            }
        }
    }
}

/// A block copy: the places in slots, and the number of bytes.
type CopyOf = ((Slot, u32), (Slot, u32), u32);

/// Finds the pieces.
pub(super) fn pieces(func: &Func, cfg: &Cfg) -> Pieces {
    let addresses = Addresses::new(func, cfg);
    let mut found = vec![Found::default(); func.slots.len()];
    let mut copies = Vec::new();
    for &block in &cfg.order {
        let data = func.block(block);
        for &inst in &data.insts {
            look(func, &addresses, inst, &mut found, &mut copies);
        }
        data.term.each_operand(|v| escape(&addresses, v, &mut found));
    }
    for found in &mut found {
        unite(&mut found.accesses);
    }
    spread(&mut found, &copies);
    for found in &mut found {
        found.keep_split();
    }
    let mut pieces = Pieces { slots: Vec::new(), kept: Vec::new(), count: 0 };
    for found in found {
        pieces.add(found);
    }
    pieces
}

impl Pieces {
    /// Divides a slot into pieces that become values, and bytes that stay.
    fn add(&mut self, found: Found) {
        let mut slot = Vec::new();
        let mut accesses = Vec::new();
        let mut rest = if found.escapes { &[][..] } else { &found.accesses[..] };
        while let Some(((first, _), _)) = rest.split_first() {
            // All that overlap each other, directly or through others.
            let mut all = *first;
            let mut len = 0;
            while let Some((range, _)) = rest.get(len).filter(|(range, _)| range.start < all.end) {
                all.end = all.end.max(range.end);
                len += 1;
            }
            let (group, behind) = rest.split_at(len);
            rest = behind;
            match group {
                [(range, Some(ty))] => {
                    slot.push(Piece { range: *range, ty: *ty, var: self.count });
                    self.count += 1;
                }
                _ => accesses.push(all),
            }
        }
        self.slots.push(slot);
        let Found { escapes, read, written, .. } = found;
        self.kept.push(Kept { escapes, accesses, read, written });
    }
}

fn escape(addresses: &Addresses, value: Value, found: &mut [Found]) {
    if let Some((slot, _)) = addresses.of(value) {
        found[slot.0 as usize].escapes = true;
    }
}

/// How an instruction touches bytes of a slot.
#[derive(Clone, Copy)]
enum How {
    /// Reads or writes them as one value.
    As(Type),
    /// Copies them from here.
    Read,
    /// Copies them to here, or fills them.
    Write,
}

/// Notes what an instruction does with slots.
fn look(func: &Func, addresses: &Addresses, inst: Value, found: &mut [Found], copies: &mut Vec<CopyOf>) {
    let node = func.node(inst);
    let mut note = |ptr: Value, offset: i32, bytes: u32, how: How| -> Option<(Slot, u32)> {
        match addresses.range(func, ptr, offset, bytes) {
            Some((slot, range)) => {
                let found = &mut found[slot.0 as usize];
                match how {
                    How::As(ty) => found.accesses.push((range, Some(ty))),
                    How::Read => found.read.push(range),
                    How::Write => found.written.push(range),
                }
                Some((slot, range.start))
            }
            None => {
                escape(addresses, ptr, found);
                None
            }
        }
    };
    match node.op {
        Op::PtrAdd { index: None, .. } | Op::Slot(_) => {}
        Op::Load { ptr, offset, access, .. } if access.is_plain() => {
            match accessed(node.ty.unwrap_or(Type::I64), access) {
                None => escape(addresses, ptr, found),
                Some(ty) => {
                    note(ptr, offset, access.width.bytes().into(), How::As(ty));
                }
            }
        }
        Op::Store { ptr, offset, value, access } if access.is_plain() => {
            match accessed(func.ty(value), access) {
                None => escape(addresses, ptr, found),
                Some(ty) => {
                    note(ptr, offset, access.width.bytes().into(), How::As(ty));
                }
            }
            escape(addresses, value, found);
        }
        Op::Copy { dst, src, size, .. } => {
            let (dst, src) = (note(dst, 0, size, How::Write), note(src, 0, size, How::Read));
            if let (Some(dst), Some(src)) = (dst, src) {
                copies.push((dst, src, size));
            }
        }
        Op::Fill { dst, size, .. } => {
            note(dst, 0, size, How::Write);
        }
        ref op => op.each_operand(|v| escape(addresses, v, found)),
    }
}

/// The type that a piece has for an access: an integer of its width, or a pointer.
fn accessed(ty: Type, access: Access) -> Option<Type> {
    match ty {
        Type::Ptr(_) if access.width == Width::W64 => Some(ty),
        Type::Ptr(_) => None,
        Type::Int(_) => Some(Type::Int(access.width.bits())),
    }
}

/// Sorts accesses, and makes equal ones one. A piece is a pointer only if all agree.
fn unite(accesses: &mut Vec<(Range, Option<Type>)>) {
    accesses.sort_by_key(|(range, _)| *range);
    accesses.dedup_by(|(range, ty), (kept, kept_ty)| {
        if range != kept {
            return false;
        }
        *kept_ty = match (*kept_ty, *ty) {
            (Some(a), Some(b)) if a == b => Some(a),
            (Some(a), Some(b)) if a.bits() == b.bits() => Some(Type::I64),
            _ => None,
        };
        true
    });
}

/// Carries the pieces of one side of each copy to the other one, so that both are split alike.
fn spread(found: &mut [Found], copies: &[CopyOf]) {
    // A chain of copies as long as this is no real code; what is left over stays in memory.
    for _ in 0..8 {
        let mut changed = false;
        for &((dst, dst_at), (src, src_at), size) in copies {
            for ((from, from_at), (to, to_at)) in
                [((src, src_at), (dst, dst_at)), ((dst, dst_at), (src, src_at))]
            {
                changed |= carry(found, (from, from_at), (to, to_at), size);
            }
        }
        if !changed {
            return;
        }
    }
    for &((dst, _), (src, _), _) in copies {
        found[dst.0 as usize].escapes = true;
        found[src.0 as usize].escapes = true;
    }
}

fn carry(found: &mut [Found], (from, from_at): (Slot, u32), (to, to_at): (Slot, u32), size: u32) -> bool {
    let whole = Range { start: from_at, end: from_at + size };
    let mut new = Vec::new();
    for &(range, ty) in &found[from.0 as usize].accesses {
        if whole.contains(range) {
            new.push((range.moved(from_at, to_at), ty));
        }
    }
    if from == to || new.is_empty() {
        return false;
    }
    let into = &mut found[to.0 as usize].accesses;
    let before = into.len();
    let known: Vec<(Range, Option<Type>)> = into.clone();
    into.extend(new);
    unite(into);
    into.len() != before || *into != known
}
