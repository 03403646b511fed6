//! Addresses, loads and stores.

use regalloc2::{Operand, VReg};
use skep_btf::CoreKind;
use skep_insn::{AluOp, MemSize, Width};

use super::{NONE, Select, SharedKind, def, read, same};
use crate::diag::Code as DiagCode;
use crate::ir::{self, Access, Op, Order, Type, Value};
use crate::lower::machine::{At, FramePlace, Kind};

/// Numbers below are null, and members of what is not there.
const FIRST_PAGE: u64 = 4096;

/// Where an access goes.
#[derive(Clone, Copy)]
pub(super) enum Address {
    /// Bytes from a register.
    Reg(VReg, i16),
    /// As many bytes from a register as the loader says, of the relocation with that index; and what they are here.
    Core(VReg, u32, i16),
    Frame(FramePlace),
}

/// The value that an address is counted from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Root {
    Value(Value),
    /// The sum of base and index of this `ptradd`.
    Sum(Value),
    Slot(ir::Slot),
}

pub(super) fn size(width: ir::Width) -> MemSize {
    match width {
        ir::Width::W8 => MemSize::B,
        ir::Width::W16 => MemSize::H,
        ir::Width::W32 => MemSize::W,
        ir::Width::W64 => MemSize::DW,
    }
}

impl Select<'_> {
    /// What a pointer is counted from, and the constant number of bytes between.
    fn root(&self, ptr: Value) -> (Root, i64) {
        let mut value = self.input.graph.origin(ptr);
        let mut sum = 0i64;
        loop {
            match self.input.func.node(value).op {
                Op::PtrAdd { base, index, offset } => {
                    let (index, offset) = self.constant_index(index, offset);
                    let Some(total) = sum.checked_add(offset) else { return (Root::Value(value), sum) };
                    if index.is_some() {
                        // Without an offset of its own it is an ordinary value.
                        let root = if offset == 0 { Root::Value(value) } else { Root::Sum(value) };
                        return (root, total);
                    }
                    sum = total;
                    value = self.input.graph.origin(base);
                }
                Op::Slot(slot) => return (Root::Slot(slot), sum),
                _ => return (Root::Value(value), sum),
            }
        }
    }

    /// A constant index is a part of the offset.
    fn constant_index(&self, index: Option<Value>, offset: i64) -> (Option<Value>, i64) {
        match index.and_then(|index| self.number(index)).and_then(|number| offset.checked_add(number)) {
            Some(sum) => (None, sum),
            None => (index, offset),
        }
    }

    /// The register of a root that is no slot.
    fn root_reg(&mut self, root: Root) -> VReg {
        match root {
            Root::Value(value) => self.reg(value),
            Root::Sum(value) => {
                if self.sums[value.0 as usize] == NONE {
                    self.sums[value.0 as usize] = self.program.vreg_count;
                    self.program.vreg_count += 1;
                }
                super::vreg(self.sums[value.0 as usize])
            }
            Root::Slot(slot) => {
                let d = self.temp();
                self.emit(Kind::Frame(FramePlace { slot, offset: 0 }), &[def(d)]);
                d
            }
        }
    }

    /// Where an access of `bytes` bytes goes, so that all of them can be reached with constant offsets.
    pub(super) fn locate(&mut self, ptr: Value, offset: i32, bytes: u32) -> Address {
        let (root, sum) = self.root(ptr);
        self.check_root(root);
        let sum = sum.wrapping_add(offset.into());
        let last = sum.wrapping_add(i64::from(bytes.saturating_sub(1)));
        if let Root::Slot(slot) = root
            && let Ok(offset) = i32::try_from(sum)
            && i16::try_from(sum).is_ok()
            && i16::try_from(last).is_ok()
        {
            return Address::Frame(FramePlace { slot, offset });
        }
        match (i16::try_from(sum), i16::try_from(last)) {
            (Ok(offset), Ok(_)) => Address::Reg(self.root_reg(root), offset),
            _ => {
                let base = self.root_reg(root);
                let d = self.temp();
                self.add_constant(d, base, sum);
                Address::Reg(d, 0)
            }
        }
    }

    /// Tells of a number that is taken for an address.
    fn check_root(&mut self, root: Root) {
        let Root::Value(value) = root else { return };
        if let Op::Cast(ir::CastOp::IntToPtr, number) = self.input.func.node(value).op
            && let Some(number) = self.number(number)
            && self.input.kernel
            && number.cast_unsigned() >= FIRST_PAGE
        {
            let message = format!(
                "{number:#x} is an address of this process, which the kernel does not know; use a global, or a map that is \
                 shared"
            );
            self.diag(DiagCode::HostAddress, message);
        }
    }

    /// Where a load or store goes that is one instruction: its offset may be one that the loader fills in.
    fn locate_whole(&mut self, ptr: Value, offset: i32, width: ir::Width) -> Address {
        match self.core_offset(ptr, offset) {
            Some((base, core, off)) if self.core_width(core) == Some(width.bytes().into()) => {
                Address::Core(self.reg(base), core, off)
            }
            _ => self.locate(ptr, offset, width.bytes().into()),
        }
    }

    /// How wide an access must be whose offset the loader fills in: it makes it as wide as the field is in the kernel.
    fn core_width(&self, core: u32) -> Option<u64> {
        let module = self.input.module;
        module.core[core as usize].scalar_size(module.types.so_far())
    }

    /// The base of an address that is as far from it as the loader says and no further, and how far that is: loaders
    /// patch an offset that has the very number of the relocation.
    fn core_offset(&self, ptr: Value, offset: i32) -> Option<(Value, u32, i16)> {
        let Op::PtrAdd { base, index: Some(index), offset: more } =
            self.input.func.node(self.input.graph.origin(ptr)).op
        else {
            return None;
        };
        let Op::Core(core) = self.input.func.node(self.input.graph.origin(index)).op else { return None };
        let relo = &self.input.module.core[core as usize];
        if relo.kind != CoreKind::FieldByteOffset || more.checked_add(offset.into()) != Some(0) {
            return None;
        }
        Some((base, core, i16::try_from(relo.value).ok()?))
    }

    /// `d = base + number`.
    fn add_constant(&mut self, d: VReg, base: VReg, number: i64) {
        match i32::try_from(number) {
            Ok(0) => self.emit(Kind::Mov(Width::W64), &[def(d), read(base)]),
            Ok(imm) => self.emit(Kind::AluImm(AluOp::Add, Width::W64, imm), &[same(d, 1), read(base)]),
            Err(_) => {
                let number = self.shared_reg(SharedKind::Number(number.cast_unsigned()));
                self.emit(Kind::Alu(AluOp::Add, Width::W64), &[same(d, 1), read(base), read(number)]);
            }
        }
    }

    pub(super) fn ptr_add(&mut self, inst: Value, base: Value, index: Option<Value>, offset: i64) {
        let needed = self.vregs[inst.0 as usize] != NONE;
        let (index, offset) = self.constant_index(index, offset);
        let Some(index) = index else {
            let d = self.home(inst);
            let (root, sum) = self.root(base);
            match (root, i32::try_from(sum.wrapping_add(offset))) {
                (Root::Slot(slot), Ok(offset)) => {
                    self.emit(Kind::Frame(FramePlace { slot, offset }), &[def(d)]);
                }
                _ if self.is_needed_later(base) => {
                    let base = self.reg(base);
                    self.add_constant(d, base, offset);
                }
                _ => {
                    let base = self.root_reg(root);
                    self.add_constant(d, base, sum.wrapping_add(offset));
                }
            }
            return;
        };
        let mut d = if needed { self.home(inst) } else { super::vreg(self.sums[inst.0 as usize]) };
        if needed && offset != 0 {
            let sum = self.root_reg(Root::Sum(inst));
            // In program order this comes last; `sum` is made first.
            let whole = std::mem::replace(&mut d, sum);
            self.sum(inst, d, base, index);
            self.add_constant(whole, sum, offset);
            return;
        }
        self.sum(inst, d, base, index);
    }

    /// `d = base + index`.
    fn sum(&mut self, inst: Value, d: VReg, base: Value, index: Value) {
        // Of `number += pointer`, the pointer being into any frame, Linux 6.18 makes one into that of the main program.
        let (a, b) = match self.input.subprog {
            true => (base, index),
            false => self.overwritten_first(inst, base, index),
        };
        let (a, b) = (self.reg(a), self.reg(b));
        self.emit(Kind::Alu(AluOp::Add, Width::W64), &[same(d, 1), read(a), read(b)]);
    }

    /// The alignment in bytes that an address has in the frame, as far as it is known; `None` if it is elsewhere.
    fn frame_align(&self, ptr: Value, offset: i32, access_align: u8) -> Option<u64> {
        let mut value = self.input.graph.origin(ptr);
        let mut sum = i64::from(offset);
        let mut varies = false;
        loop {
            match self.input.func.node(value).op {
                Op::PtrAdd { base, index, offset } => {
                    let (index, offset) = self.constant_index(index, offset);
                    if index.is_some() {
                        varies = true;
                    }
                    sum = sum.wrapping_add(offset);
                    value = self.input.graph.origin(base);
                }
                Op::Pin(a) => value = self.input.graph.origin(a),
                Op::Slot(slot) => {
                    let placed = crate::lower::frame::align(&self.input.func.slots[slot.0 as usize]);
                    let known = if sum == 0 { 8 } else { 1 << sum.trailing_zeros().min(3) };
                    return Some(if varies { access_align.into() } else { known.min(placed.into()) });
                }
                // A pointer that a subprogram gets may be into a frame.
                Op::Param if self.input.subprog && self.defined[value.0 as usize] == 0 => {
                    return Some(access_align.into());
                }
                _ => return None,
            }
        }
    }

    /// The widest access that the frame allows there; `width` itself elsewhere.
    fn allowed(&self, ptr: Value, offset: i32, access: Access) -> ir::Width {
        let Some(known) = self.frame_align(ptr, offset, access.align) else { return access.width };
        let align = known.min(access.width.bytes().into());
        ir::Width::of_bytes(align).unwrap_or(ir::Width::W8)
    }

    pub(super) fn load(&mut self, inst: Value, ptr: Value, offset: i32, access: Access, signed: bool) {
        if self.vregs[inst.0 as usize] == NONE && !access.volatile && access.order == Order::Plain {
            return;
        }
        let d = self.result(inst);
        let ty = self.ty(inst);
        if access.order > Order::Relaxed {
            return self.load_ordered(d, ty, ptr, offset, access, signed);
        }
        let part = self.allowed(ptr, offset, access);
        if part != access.width {
            return self.load_in_parts(d, ty, ptr, offset, access, part, signed);
        }
        let at = self.locate_whole(ptr, offset, access.width);
        let sign = signed && access.width.bits() < ty.bits();
        if sign && !self.input.isa.has_sign_loads() {
            let raw = self.temp();
            self.load_from(raw, at, access.width, false);
            self.extend_loaded(d, raw, access.width, ty);
        } else {
            self.load_from(d, at, access.width, sign);
        }
    }

    /// A loaded value, extended with its sign to the type of the result.
    pub(super) fn extend_loaded(&mut self, d: VReg, raw: VReg, width: ir::Width, ty: Type) {
        self.extend_sign(d, raw, width.bits(), self.input.isa.container(ty));
    }

    pub(super) fn load_from(&mut self, d: VReg, at: Address, width: ir::Width, signed: bool) {
        self.access(Kind::Load { size: size(width), signed, at: at.at() }, &[def(d)], at);
    }

    pub(super) fn store(&mut self, ptr: Value, offset: i32, value: Value, access: Access) {
        if access.order > Order::Relaxed {
            return self.store_ordered(ptr, offset, value, access);
        }
        let part = self.allowed(ptr, offset, access);
        if part != access.width {
            return self.store_in_parts(ptr, offset, value, access, part);
        }
        let at = self.locate_whole(ptr, offset, access.width);
        self.store_value(at, value, access.width);
    }

    pub(super) fn store_value(&mut self, at: Address, value: Value, width: ir::Width) {
        if let Some(imm) = self.number(value).and_then(|number| stored_imm(number, width)) {
            self.store_imm(at, imm, width);
        } else {
            let value = self.reg(value);
            self.store_to(at, value, width);
        }
    }

    pub(super) fn store_to(&mut self, at: Address, value: VReg, width: ir::Width) {
        self.access(Kind::Store { size: size(width), at: at.at() }, &[read(value)], at);
    }

    fn store_imm(&mut self, at: Address, imm: i32, width: ir::Width) {
        self.access(Kind::StoreImm { size: size(width), at: at.at(), imm }, &[], at);
    }

    /// Emits an access, its address being the last operand.
    pub(super) fn access(&mut self, kind: Kind, operands: &[Operand], at: Address) {
        let mut all: smallvec::SmallVec<[Operand; 4]> = operands.into();
        if let Address::Reg(base, _) | Address::Core(base, ..) = at {
            all.push(read(base));
        }
        self.emit(kind, &all);
    }

    /// Loads narrower parts, and puts them together.
    #[expect(clippy::too_many_arguments, reason = "an access has that many properties")]
    fn load_in_parts(
        &mut self,
        d: VReg,
        ty: Type,
        ptr: Value,
        offset: i32,
        access: Access,
        part: ir::Width,
        signed: bool,
    ) {
        let at = self.locate(ptr, offset, access.width.bytes().into());
        let count = access.width.bytes() / part.bytes();
        let sign = signed && access.width.bits() < ty.bits();
        let mut whole: Option<VReg> = None;
        // From the highest part to the lowest.
        for step in 0..count {
            let place = match self.input.isa.endian {
                skep_insn::Endian::Little => count - 1 - step,
                skep_insn::Endian::Big => step,
            };
            let last = step + 1 == count;
            let piece = self.temp();
            self.load_from(piece, at.plus((place * part.bytes()).into()), part, false);
            whole = Some(match whole {
                None => piece,
                Some(high) => {
                    let shifted = self.temp();
                    let by = part.bits().into();
                    self.emit(Kind::AluImm(AluOp::Lsh, Width::W64, by), &[same(shifted, 1), read(high)]);
                    let joined = if last && !sign { d } else { self.temp() };
                    let or = Kind::Alu(AluOp::Or, Width::W64);
                    self.emit(or, &[same(joined, 1), read(shifted), read(piece)]);
                    joined
                }
            });
        }
        if let (Some(whole), true) = (whole, sign) {
            self.extend_loaded(d, whole, access.width, ty);
        }
    }

    /// Stores a value as narrower parts.
    fn store_in_parts(&mut self, ptr: Value, offset: i32, value: Value, access: Access, part: ir::Width) {
        let at = self.locate(ptr, offset, access.width.bytes().into());
        let count = access.width.bytes() / part.bytes();
        let number = self.number(value);
        let mut rest = match number {
            Some(_) => None,
            None => Some(self.reg(value)),
        };
        // From the lowest part to the highest.
        for step in 0..count {
            let place = match self.input.isa.endian {
                skep_insn::Endian::Little => step,
                skep_insn::Endian::Big => count - 1 - step,
            };
            let at = at.plus((place * part.bytes()).into());
            match (number, &mut rest) {
                (Some(number), _) => {
                    let low = number >> (step * part.bits());
                    // Parts are at most 32 bits wide.
                    let [b0, b1, b2, b3, ..] = low.to_le_bytes();
                    let imm = i32::from_le_bytes([b0, b1, b2, b3]);
                    let imm = stored_imm(imm.into(), part).unwrap_or(imm);
                    self.store_imm(at, imm, part);
                }
                (None, Some(rest)) => {
                    if step > 0 {
                        let shifted = self.temp();
                        let by = part.bits().into();
                        let kind = Kind::AluImm(AluOp::Rsh, Width::W64, by);
                        self.emit(kind, &[same(shifted, 1), read(*rest)]);
                        *rest = shifted;
                    }
                    let value = *rest;
                    self.store_to(at, value, part);
                }
                (None, None) => {}
            }
        }
    }

    pub(super) fn copy(&mut self, dst: Value, src: Value, size: u32, align: u8) {
        let widest = |ptr| self.frame_align(ptr, 0, align).unwrap_or(8);
        let widest = widest(dst).min(widest(src));
        let (to, from) = (self.locate(dst, 0, size), self.locate(src, 0, size));
        self.pieces(size, widest, |select, at, width| {
            let piece = select.temp();
            select.load_from(piece, from.plus(at), width, false);
            select.store_to(to.plus(at), piece, width);
        });
    }

    pub(super) fn fill(&mut self, dst: Value, byte: u8, size: u32, align: u8) {
        let widest = self.frame_align(dst, 0, align).unwrap_or(8);
        let to = self.locate(dst, 0, size);
        let all = u64::from_le_bytes([byte; 8]);
        self.pieces(size, widest, |select, at, width| match stored_imm(all.cast_signed(), width) {
            Some(imm) => select.store_imm(to.plus(at), imm, width),
            None => {
                let value = select.shared_reg(SharedKind::Number(all));
                select.store_to(to.plus(at), value, width);
            }
        });
    }

    /// Walks over `size` bytes in pieces as wide as possible. They are few: there are loops for more.
    fn pieces(&mut self, size: u32, widest: u64, mut f: impl FnMut(&mut Self, u32, ir::Width)) {
        let mut at = 0;
        while at < size {
            let left = u64::from(size - at);
            let largest = if left >= 8 { 8 } else { 1 << (63 - left.leading_zeros()) };
            let width = ir::Width::of_bytes(widest.min(largest)).unwrap_or(ir::Width::W8);
            f(self, at, width);
            at += u32::from(width.bytes());
        }
    }
}

impl Address {
    pub(super) fn at(self) -> At {
        match self {
            Address::Reg(_, off) => At::Reg(off),
            Address::Core(_, core, off) => At::Core(core, off),
            Address::Frame(place) => At::Frame(place),
        }
    }

    /// So many bytes further on; `locate` has seen to it that it can be reached.
    pub(super) fn plus(self, bytes: u32) -> Address {
        let bytes = i32::try_from(bytes).unwrap_or(i32::MAX);
        match self {
            Address::Reg(base, off) => {
                let off = i32::from(off).saturating_add(bytes);
                Address::Reg(base, i16::try_from(off).unwrap_or(i16::MAX))
            }
            // One access of its own, which has no parts.
            Address::Core(..) => self,
            Address::Frame(place) => {
                Address::Frame(FramePlace { offset: place.offset.saturating_add(bytes), ..place })
            }
        }
    }
}

/// A number as an immediate of a store: its low bits are what counts.
fn stored_imm(number: i64, width: ir::Width) -> Option<i32> {
    match width {
        ir::Width::W64 => i32::try_from(number).ok(),
        width => {
            let unused = 64 - width.bits();
            i32::try_from(number << unused >> unused).ok()
        }
    }
}
