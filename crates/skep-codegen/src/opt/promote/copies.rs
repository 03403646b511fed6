//! Splits copies and fills along the pieces that become values.

use super::slots::{Addresses, Piece, Pieces, Range};
use crate::ir::{Access, Cfg, Func, Loc, Op, Order, Slot, Type, Value, Width};

/// Splits each copy and each fill that touches pieces into accesses of them, and copies of what is between them.
pub(super) fn split(func: &mut Func, cfg: &Cfg, pieces: &Pieces) {
    let addresses = Addresses::new(func, cfg);
    for &block in &cfg.order {
        let has_any = func
            .block(block)
            .insts
            .iter()
            .any(|v| matches!(func.node(*v).op, Op::Copy { .. } | Op::Fill { .. }));
        if !has_any {
            continue;
        }
        let insts = std::mem::take(&mut func.block_mut(block).insts);
        let mut split = Split {
            func,
            pieces,
            addresses: &addresses,
            out: Vec::with_capacity(insts.len()),
            loc: Loc::UNKNOWN,
        };
        for inst in insts {
            split.inst(inst);
        }
        let out = split.out;
        func.block_mut(block).insts = out;
    }
}

struct Split<'a> {
    func: &'a mut Func,
    pieces: &'a Pieces,
    addresses: &'a Addresses,
    out: Vec<Value>,
    loc: Loc,
}

/// A place that a copy touches: its address, and which bytes of which slot these are.
struct Place {
    ptr: Value,
    slot: Option<(Slot, Range)>,
}

impl Split<'_> {
    fn inst(&mut self, inst: Value) {
        self.loc = self.func.node(inst).loc;
        match self.func.node(inst).op {
            Op::Copy { dst, src, size, align } => {
                let places = [self.place(dst, size), self.place(src, size)];
                self.parts(inst, &places, size, |split, part| split.copy(&places, part, align));
            }
            Op::Fill { dst, byte, size, align } => {
                let places = [self.place(dst, size)];
                self.parts(inst, &places, size, |split, part| split.fill(&places[0], byte, part, align));
            }
            _ => self.out.push(inst),
        }
    }

    fn place(&self, ptr: Value, size: u32) -> Place {
        Place { ptr, slot: self.addresses.range(self.func, ptr, 0, size) }
    }

    /// Calls `f` for the pieces and the bytes between them, in order; keeps the instruction if there are no pieces.
    fn parts(&mut self, inst: Value, places: &[Place], size: u32, f: impl Fn(&mut Self, Part)) {
        let mut touched: Vec<(Range, Type)> = Vec::new();
        for place in places {
            if let Some((slot, range)) = place.slot {
                let here = self.pieces.within(slot, range);
                touched.extend(here.map(|Piece { range: it, ty, .. }| (it.moved(range.start, 0), ty)));
            }
        }
        if touched.is_empty() {
            return self.out.push(inst);
        }
        touched.sort_by_key(|(range, _)| *range);
        touched.dedup_by_key(|(range, _)| *range);
        let mut at = 0;
        for (range, ty) in touched {
            // A piece of one side that overlaps one of the other side was united with it, and is no piece.
            if range.start < at {
                continue;
            }
            if at < range.start {
                f(self, Part { range: Range { start: at, end: range.start }, ty: None });
            }
            f(self, Part { range, ty: Some(ty) });
            at = range.end;
        }
        if at < size {
            f(self, Part { range: Range { start: at, end: size }, ty: None });
        }
    }

    fn copy(&mut self, [dst, src]: &[Place; 2], part: Part, align: u8) {
        let (start, len) = (part.range.start, part.range.len());
        let align = aligned(align, start);
        match part.ty {
            Some(ty) => {
                let Some(access) = access(len, align) else { return };
                let offset = i32::try_from(start).unwrap_or(0);
                let load = Op::Load { ptr: src.ptr, offset, access, signed: false };
                let value = self.push(load, Some(ty));
                self.push(Op::Store { ptr: dst.ptr, offset, value, access }, None);
            }
            None if self.is_unread(dst, part.range) || self.is_unset(src, part.range) => {}
            None => {
                let (dst, src) = (self.moved(dst.ptr, start), self.moved(src.ptr, start));
                self.push(Op::Copy { dst, src, size: len, align }, None);
            }
        }
    }

    fn fill(&mut self, dst: &Place, byte: u8, part: Part, align: u8) {
        let (start, len) = (part.range.start, part.range.len());
        let align = aligned(align, start);
        match part.ty {
            Some(_) => {
                let Some(access) = access(len, align) else { return };
                let ty = Type::Int(access.width.bits());
                let number = ty.canonical(i64::from_le_bytes([byte; 8]));
                let value = self.push(Op::Const(number), Some(ty));
                let offset = i32::try_from(start).unwrap_or(0);
                self.push(Op::Store { ptr: dst.ptr, offset, value, access }, None);
            }
            None if self.is_unread(dst, part.range) => {}
            None => {
                let dst = self.moved(dst.ptr, start);
                self.push(Op::Fill { dst, byte, size: len, align }, None);
            }
        }
    }

    /// Whether nothing reads bytes between pieces.
    fn is_unread(&self, place: &Place, part: Range) -> bool {
        place.slot.is_some_and(|(slot, range)| !self.pieces.is_read(slot, part.moved(0, range.start)))
    }

    /// Whether nothing writes bytes between pieces.
    fn is_unset(&self, place: &Place, part: Range) -> bool {
        place.slot.is_some_and(|(slot, range)| !self.pieces.is_written(slot, part.moved(0, range.start)))
    }

    fn moved(&mut self, ptr: Value, by: u32) -> Value {
        if by == 0 {
            return ptr;
        }
        let ty = self.func.ty(ptr);
        self.push(Op::PtrAdd { base: ptr, index: None, offset: by.into() }, Some(ty))
    }

    fn push(&mut self, op: Op, ty: Option<Type>) -> Value {
        let value = self.func.new_node(op, ty, self.loc);
        self.out.push(value);
        value
    }
}

/// A part of a copy, counted from its start; of a piece, with its type.
struct Part {
    range: Range,
    ty: Option<Type>,
}

fn access(len: u32, align: u8) -> Option<Access> {
    let width = Width::of_bytes(len.into())?;
    Some(Access { width, volatile: false, order: Order::Plain, align: align.min(width.bytes()) })
}

/// The alignment of what lies so many bytes behind something aligned.
fn aligned(align: u8, by: u32) -> u8 {
    let by = if by == 0 { align } else { 1 << by.trailing_zeros().min(3) };
    align.min(by)
}
