//! Atomic operations and fences.
//!
//! BPF has relaxed accesses, load-acquire and store-release (v4), and read-modify-write operations, of which those
//! that return the old value order everything (v3). A fence is such an operation on a place of our own in the frame.
//! Before v4 an acquire load is a load and a fence, a release store a fence and a store. A sequentially consistent
//! load or store has a fence before it.

use regalloc2::VReg;
use skep_insn::{AtomicOp as BpfOp, Cpu, Reg, Width};

use super::memory::{Address, size};
use super::{NONE, Select, def, def_in, read, read_in, same};
use crate::ir::{self, Access, AtomicOp, Order, Type, Value};
use crate::lower::machine::Kind;

impl Select<'_> {
    pub(super) fn atomic(
        &mut self,
        inst: Value,
        op: AtomicOp,
        ptr: Value,
        offset: i32,
        value: Value,
        access: Access,
    ) {
        if !self.is_atomic_width(access) {
            return;
        }
        let used = self.vregs[inst.0 as usize] != NONE;
        let bpf = match op {
            AtomicOp::Add | AtomicOp::Sub => BpfOp::Add,
            AtomicOp::And => BpfOp::And,
            AtomicOp::Or => BpfOp::Or,
            AtomicOp::Xor => BpfOp::Xor,
            AtomicOp::Xchg => BpfOp::Xchg,
            AtomicOp::Nand | AtomicOp::Umin | AtomicOp::Umax | AtomicOp::Smin | AtomicOp::Smax => {
                return self.atomic_loop(inst, op, ptr, offset, value, access);
            }
        };
        let cpu = self.input.isa.cpu;
        // Before v3 there is nothing but this addition.
        let old = cpu < Cpu::V3;
        if old && (used || bpf != BpfOp::Add) {
            return self
                .needs_cpu("an atomic operation other than an addition whose result is not used", Cpu::V3);
        }
        let value = self.operand(op, value);
        let at = self.locate(ptr, offset, access.width.bytes().into());
        let fetch = used || bpf == BpfOp::Xchg || (access.order > Order::Relaxed && !old);
        if fetch {
            let d = self.result(inst);
            let kind = Kind::Fetch { op: bpf, size: size(access.width), at: at.at() };
            self.access(kind, &[same(d, 1), read(value)], at);
        } else {
            let kind = Kind::Atomic { op: bpf, size: size(access.width), at: at.at() };
            self.access(kind, &[read(value)], at);
        }
    }

    /// What is added, and so on: a difference is the sum of the negative.
    fn operand(&mut self, op: AtomicOp, value: Value) -> VReg {
        if op != AtomicOp::Sub {
            return self.reg(value);
        }
        let ty = self.ty(value);
        if let Some(number) = self.number(value) {
            let d = self.temp();
            self.number_in(d, number.wrapping_neg(), ty);
            return d;
        }
        let (d, value) = (self.temp(), self.reg(value));
        self.emit(Kind::Neg(self.width(ty)), &[same(d, 1), read(value)]);
        d
    }

    fn is_atomic_width(&mut self, access: Access) -> bool {
        let wide = matches!(access.width, ir::Width::W32 | ir::Width::W64);
        if !wide {
            self.diag(
                crate::diag::Code::NeedsCpu,
                format!(
                    "an atomic operation on {} bits does not exist on any cpu; use 32 or 64 bits",
                    access.width.bits()
                ),
            );
        }
        wide
    }

    pub(super) fn cmpxchg(
        &mut self,
        inst: Value,
        ptr: Value,
        offset: i32,
        expected: Value,
        new: Value,
        access: Access,
    ) {
        if !self.is_atomic_width(access) {
            return;
        }
        if self.input.isa.cpu < Cpu::V3 {
            return self.needs_cpu("atomic compare and exchange", Cpu::V3);
        }
        let d = self.result(inst);
        let (expected, new) = (self.copy_of(expected), self.reg(new));
        let at = self.locate(ptr, offset, access.width.bytes().into());
        let kind = Kind::CmpXchg { size: size(access.width), at: at.at() };
        self.access(kind, &[def_in(d, Reg::R0), read_in(expected, Reg::R0), read(new)], at);
    }

    /// Operations that are made of compare and exchange, tried until nobody came in between.
    fn atomic_loop(
        &mut self,
        inst: Value,
        op: AtomicOp,
        ptr: Value,
        offset: i32,
        value: Value,
        access: Access,
    ) {
        if self.input.isa.cpu < Cpu::V3 {
            return self
                .needs_cpu("an atomic operation other than an addition whose result is not used", Cpu::V3);
        }
        if self.input.kernel && self.input.isa.cpu < Cpu::V4 {
            return self.needs_cpu(&format!("a loop that makes an atomic {} (may_goto)", op.name()), Cpu::V4);
        }
        let ty = self.ty(value);
        let signed = matches!(op, AtomicOp::Smin | AtomicOp::Smax);
        let value = if signed { self.with_sign(value) } else { self.reg(value) };
        let at = self.locate(ptr, offset, access.width.bytes().into());
        let d = self.result(inst);
        let (old, new) = (self.temp(), self.temp());
        let first = self.temp();
        self.load_from(first, at, access.width, false);
        let kind = Kind::AtomicLoop {
            op,
            width: self.width(ty),
            size: size(access.width),
            at: at.at(),
            bounded: self.input.kernel,
        };
        let early = |reg| regalloc2::Operand::reg_def_at_start(reg);
        let late = |reg| regalloc2::Operand::reg_use_at_end(reg);
        let mut operands: smallvec::SmallVec<[regalloc2::Operand; 6]> = smallvec::smallvec![
            def_in(d, Reg::R0),
            read_in(first, Reg::R0),
            late(value),
            early(old),
            early(new)
        ];
        if let Address::Reg(base, _) = at {
            operands.push(late(base));
        }
        self.emit(kind, &operands);
    }

    pub(super) fn fence(&mut self, order: Order) {
        if order > Order::Relaxed {
            self.full_fence();
        }
    }

    fn full_fence(&mut self) {
        if self.input.isa.cpu < Cpu::V3 {
            return self.needs_cpu("ordering of memory accesses", Cpu::V3);
        }
        let (own, place) = self.own_slot(self.scratch, 8);
        self.scratch = Some(own);
        let at = Address::Frame(place);
        let (zero, old) = (self.temp(), self.temp());
        self.emit(Kind::StoreImm { size: size(ir::Width::W64), at: at.at(), imm: 0 }, &[]);
        self.emit(Kind::Imm(Width::W32, 0), &[def(zero)]);
        let kind = Kind::Fetch { op: BpfOp::Or, size: size(ir::Width::W64), at: at.at() };
        self.emit(kind, &[same(old, 1), read(zero)]);
    }

    pub(super) fn load_ordered(
        &mut self,
        d: VReg,
        ty: Type,
        ptr: Value,
        offset: i32,
        access: Access,
        signed: bool,
    ) {
        if access.order == Order::SeqCst {
            self.full_fence();
        }
        let at = self.locate(ptr, offset, access.width.bytes().into());
        let sign = signed && access.width.bits() < ty.bits();
        let raw = if sign { self.temp() } else { d };
        let acquire = self.input.isa.cpu >= Cpu::V4;
        if acquire {
            let kind = Kind::LoadAcquire { size: size(access.width), at: at.at() };
            self.access(kind, &[def(raw)], at);
        } else {
            self.load_from(raw, at, access.width, false);
        }
        if sign {
            self.extend_loaded(d, raw, access.width, ty);
        }
        if !acquire {
            self.full_fence();
        }
    }

    pub(super) fn store_ordered(&mut self, ptr: Value, offset: i32, value: Value, access: Access) {
        let release = self.input.isa.cpu >= Cpu::V4;
        if !release || access.order == Order::SeqCst {
            self.full_fence();
        }
        let at = self.locate(ptr, offset, access.width.bytes().into());
        if release {
            let value = self.reg(value);
            let kind = Kind::StoreRelease { size: size(access.width), at: at.at() };
            self.access(kind, &[read(value)], at);
        } else {
            self.store_value(at, value, access.width);
        }
    }
}
