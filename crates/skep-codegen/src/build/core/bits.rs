//! Bit-fields.

use super::body::FuncBuilder;
use super::class::Class;
use super::handle::{Bits, Place, Value};
use crate::ir::{self, Access, BinOp, CastOp, Op, Type, Width};

use skep_insn::Endian;

/// A piece of memory that holds a part of a bit-field.
#[derive(Clone, Copy)]
struct Unit {
    width: Width,
    /// Bytes from the place.
    offset: i32,
    /// The part's lowest bit in the unit.
    shift: u8,
    /// How many bits of the field it holds.
    len: u8,
    /// The field's bit that its lowest bit is.
    at: u8,
}

impl FuncBuilder<'_> {
    pub(super) fn load_bits(&mut self, place: Place, class: Class) -> Value {
        let (Some(bits), Some(ty)) = (place.bits, class.ir()) else { return Value::POISON };
        let units = self.units(bits);
        let mut node = match units.as_slice() {
            // One unit is moved up to the border, and down again as the sign says.
            &[unit] if class.is_signed() => {
                let (loaded, up) = (self.load_unit(place, unit), 64 - unit.shift - unit.len);
                let moved = self.shift(BinOp::Shl, loaded, up);
                self.shift(BinOp::Ashr, moved, 64 - unit.len)
            }
            &[unit] => self.part_of(place, unit),
            units => {
                let mut whole = None;
                for &unit in units {
                    let part = self.part_of(place, unit);
                    let part = self.shift(BinOp::Shl, part, unit.at);
                    whole = Some(match whole {
                        Some(lower) => self.emit(Op::Bin(BinOp::Or, lower, part), Some(Type::I64)),
                        None => part,
                    });
                }
                let Some(whole) = whole else { return Value::POISON };
                let unused = if class.is_signed() { 64 - bits.len } else { 0 };
                let moved = self.shift(BinOp::Shl, whole, unused);
                self.shift(BinOp::Ashr, moved, unused)
            }
        };
        if ty.bits() != 64 {
            node = self.emit(Op::Cast(CastOp::Trunc, node), Some(ty));
        }
        self.value(node, place.ty)
    }

    /// The bits of the field that a unit holds, as the lowest ones.
    fn part_of(&mut self, place: Place, unit: Unit) -> ir::Value {
        let loaded = self.load_unit(place, unit);
        let moved = self.shift(BinOp::Lshr, loaded, unit.shift);
        if unit.shift + unit.len == unit.width.bits() {
            return moved;
        }
        self.bin64(BinOp::And, moved, mask(unit.len))
    }

    pub(super) fn store_bits(&mut self, place: Place, value: ir::Value, class: Class) {
        let (Some(bits), Some(ty)) = (place.bits, class.ir()) else { return };
        let value =
            if ty.bits() == 64 { value } else { self.emit(Op::Cast(CastOp::Zext, value), Some(Type::I64)) };
        for unit in self.units(bits) {
            let mut part = value;
            part = self.shift(BinOp::Lshr, part, unit.at);
            let whole = unit.shift == 0 && unit.len == unit.width.bits();
            if !whole {
                part = self.bin64(BinOp::And, part, mask(unit.len));
                part = self.shift(BinOp::Shl, part, unit.shift);
                let old = self.load_unit(place, unit);
                let kept = self.bin64(BinOp::And, old, !(mask(unit.len) << unit.shift));
                part = self.emit(Op::Bin(BinOp::Or, kept, part), Some(Type::I64));
            }
            let (ptr, offset, access) = self.unit_access(place, unit);
            self.emit(Op::Store { ptr, offset, value: part, access }, None);
        }
    }

    /// The pieces of memory that hold a bit-field: one aligned unit if possible, else bytes.
    fn units(&mut self, bits: Bits) -> Vec<Unit> {
        self.m.endian_matters = true;
        let little = self.m.endian == Endian::Little;
        let (start, len) = (u32::from(bits.start), u32::from(bits.len));
        let end = start + len;
        for width in [Width::W8, Width::W16, Width::W32, Width::W64] {
            let bytes = u32::from(width.bytes());
            // The aligned unit around the first bit, counted from the start of the struct.
            let back = bits.before % bytes;
            let inside = back * 8 + end <= bytes * 8 && bytes - back <= bits.room;
            if inside {
                let low = if little { back * 8 + start } else { bytes * 8 - back * 8 - end };
                let small = |number: u32| u8::try_from(number).unwrap_or(0);
                let offset = -i32::try_from(back).unwrap_or(0);
                return vec![Unit { width, offset, shift: small(low), len: small(len), at: 0 }];
            }
        }
        let mut units = Vec::new();
        let mut done = 0;
        while done < len {
            // The piece of the field that lies in one byte, from the byte that comes first in memory.
            let (byte, from) = ((start + done) / 8, (start + done) % 8);
            let piece = (8 - from).min(len - done);
            let (shift, at) = if little { (from, done) } else { (8 - from - piece, len - done - piece) };
            let small = |number: u32| u8::try_from(number).unwrap_or(0);
            units.push(Unit {
                width: Width::W8,
                offset: i32::try_from(byte).unwrap_or(0),
                shift: small(shift),
                len: small(piece),
                at: small(at),
            });
            done += piece;
        }
        units
    }

    /// A unit, with zeros above it.
    fn load_unit(&mut self, place: Place, unit: Unit) -> ir::Value {
        let (ptr, offset, access) = self.unit_access(place, unit);
        self.emit(Op::Load { ptr, offset, access, signed: false }, Some(Type::I64))
    }

    fn unit_access(&mut self, place: Place, unit: Unit) -> (ir::Value, i32, Access) {
        let (ptr, offset) = self.base(place);
        let offset = offset.saturating_add(unit.offset);
        // Units are aligned relative to the start of the struct.
        let align = place.bits.map_or(1, |bits| bits.align).min(unit.width.bytes());
        let access = Access { width: unit.width, volatile: place.volatile, order: ir::Order::Plain, align };
        (ptr, offset, access)
    }

    fn shift(&mut self, op: BinOp, a: ir::Value, by: u8) -> ir::Value {
        if by == 0 { a } else { self.bin64(op, a, by.into()) }
    }

    fn bin64(&mut self, op: BinOp, a: ir::Value, number: i64) -> ir::Value {
        let b = self.number(number, Type::I64);
        self.emit(Op::Bin(op, a, b), Some(Type::I64))
    }
}

/// So many ones.
const fn mask(len: u8) -> i64 {
    if len >= 64 { -1 } else { (1 << len) - 1 }
}
