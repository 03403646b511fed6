//! Compares: in branches, in selects, and as values.

use regalloc2::{Operand, VReg};
use skep_insn::{AluOp, Cond as BpfCond, MemSize, Width};

use super::{Select, SharedKind, def, read, same};
use crate::ir::{Cond, Op, Value};
use crate::lower::graph::Side;
use crate::lower::machine::{At, Kind};

/// A compare as the machine has it.
struct Compare {
    cond: BpfCond,
    width: Width,
    a: VReg,
    b: Right,
    /// It holds where the IR's does not.
    inverted: bool,
}

/// The right side of a compare.
#[derive(Clone, Copy)]
enum Right {
    Reg(VReg),
    Imm(i32),
}

impl Select<'_> {
    /// Goes where the entry for a number leads that the table has one for.
    pub(super) fn jump_table(&mut self, value: Value, first: i32, entries: Vec<u32>) {
        let table = super::index(self.program.tables.len());
        self.program.tables.push(entries);
        let [counted, scaled, start, entry, target] = [(); 5].map(|()| self.temp());
        // What the table begins with is taken off by the offset of the load, if that can be.
        let value = self.reg(value);
        let (number, off) = match i16::try_from(first).ok().and_then(|first| first.checked_mul(-8)) {
            Some(off) => (value, off),
            None => {
                self.emit(Kind::AluImm(AluOp::Add, Width::W64, -first), &[same(counted, 1), read(value)]);
                (counted, 0)
            }
        };
        self.emit(Kind::AluImm(AluOp::Lsh, Width::W64, 3), &[same(scaled, 1), read(number)]);
        self.emit(Kind::Table(table), &[def(start)]);
        self.emit(Kind::Alu(AluOp::Add, Width::W64), &[same(entry, 1), read(start), read(scaled)]);
        self.emit(
            Kind::Load { size: MemSize::DW, signed: false, at: At::Reg(off) },
            &[def(target), read(entry)],
        );
        self.emit(Kind::GotoX(table), &[read(target)]);
    }

    pub(super) fn branch(&mut self, cond: Cond, a: Value, b: Side) {
        let (cond, a, b) = self.look_through(cond, a, b);
        let compare = self.compare(cond, a, b);
        let kind = match compare.b {
            Right::Reg(_) => {
                Kind::Branch { cond: compare.cond, width: compare.width, inverted: compare.inverted }
            }
            Right::Imm(imm) => {
                Kind::BranchImm { cond: compare.cond, width: compare.width, imm, inverted: compare.inverted }
            }
        };
        match compare.b {
            Right::Reg(b) => self.emit(kind, &[read(compare.a), read(b)]),
            Right::Imm(_) => self.emit(kind, &[read(compare.a)]),
        }
    }

    /// A test of a truth value is the compare that made it.
    fn look_through(&self, mut cond: Cond, mut a: Value, mut b: Side) -> (Cond, Value, Side) {
        loop {
            let zero = match b {
                Side::Value(b) => self.number(b) == Some(0),
                Side::Const(number) => number == 0,
            };
            if !zero || !matches!(cond, Cond::Eq | Cond::Ne) {
                return (cond, a, b);
            }
            let origin = self.origin_of_truth(a);
            let Op::Cmp(inner, x, y) = self.input.func.node(origin).op else { return (cond, a, b) };
            cond = if cond == Cond::Ne { inner } else { inner.inverse() };
            (a, b) = (x, Side::Value(y));
        }
    }

    /// Looks through extensions of a truth value.
    fn origin_of_truth(&self, mut value: Value) -> Value {
        loop {
            value = self.input.graph.origin(value);
            match self.input.func.node(value).op {
                Op::Cast(crate::ir::CastOp::Zext, a) => value = a,
                _ => return value,
            }
        }
    }

    fn compare(&mut self, cond: Cond, a: Value, b: Side) -> Compare {
        let ty = self.ty(a);
        let (bits, whole) = (ty.bits(), self.input.isa.compare_container(ty));
        let width = if whole == 32 { Width::W32 } else { Width::W64 };
        let number = match b {
            Side::Value(b) => self.number(b),
            Side::Const(number) => Some(number),
        };
        let (cond, a, b, number) = match b {
            // A constant belongs to the right.
            Side::Value(b) if number.is_none() && self.number(a).is_some() => {
                (cond.swapped(), b, Side::Value(a), self.number(a))
            }
            b => (cond, a, b, number),
        };
        let clean = number.map(|number| number.cast_unsigned() & ty.mask());
        let (bpf, inverted) = match cond {
            Cond::Eq | Cond::Ne
                if number == Some(0) && bits < 32 && !self.input.widths.is_clean(self.input.func, a) =>
            {
                let a = self.reg(a);
                let b = Right::Imm(super::arith::low_bits(bits));
                return Compare { cond: BpfCond::Set, width, a, b, inverted: cond == Cond::Eq };
            }
            Cond::Eq => (BpfCond::Eq, false),
            Cond::Ne => (BpfCond::Ne, false),
            Cond::Ult => (BpfCond::Lt, false),
            Cond::Ule => (BpfCond::Le, false),
            Cond::Ugt => (BpfCond::Gt, false),
            Cond::Uge => (BpfCond::Ge, false),
            Cond::Slt => (BpfCond::SLt, false),
            Cond::Sle => (BpfCond::SLe, false),
            Cond::Sgt => (BpfCond::SGt, false),
            Cond::Sge => (BpfCond::SGe, false),
            Cond::Set => (BpfCond::Set, false),
            Cond::Clear => (BpfCond::Set, true),
        };
        let number = if cond.is_signed() || bits == 64 { number.map(i64::cast_unsigned) } else { clean };
        let imm = number.and_then(|number| match u32::try_from(number) {
            Ok(low) if whole == 32 => Some(low.cast_signed()),
            _ => i32::try_from(number.cast_signed()).ok(),
        });
        let left = if cond.is_signed() { self.with_sign(a) } else { self.reg(a) };
        let right = match (imm, number, b) {
            (Some(imm), ..) => Right::Imm(imm),
            (None, Some(number), _) => Right::Reg(self.shared_reg(SharedKind::Number(number))),
            (None, None, Side::Value(b)) => {
                Right::Reg(if cond.is_signed() { self.with_sign(b) } else { self.reg(b) })
            }
            (None, None, Side::Const(_)) => Right::Imm(0),
        };
        self.available(Compare { cond: bpf, width, a: left, b: right, inverted })
    }

    /// The same compare with a condition that the cpu has.
    fn available(&self, compare: Compare) -> Compare {
        if self.input.isa.has_cond(compare.cond) {
            return compare;
        }
        let (swapped, inverse) = match compare.cond {
            BpfCond::Lt => (BpfCond::Gt, BpfCond::Ge),
            BpfCond::Le => (BpfCond::Ge, BpfCond::Gt),
            BpfCond::SLt => (BpfCond::SGt, BpfCond::SGe),
            _ => (BpfCond::SGe, BpfCond::SGt),
        };
        match compare.b {
            Right::Reg(b) => Compare { cond: swapped, a: b, b: Right::Reg(compare.a), ..compare },
            Right::Imm(_) => Compare { cond: inverse, inverted: !compare.inverted, ..compare },
        }
    }

    pub(super) fn compare_value(&mut self, inst: Value, cond: Cond, a: Value, b: Value) {
        let ty = self.ty(a);
        let whole = self.input.isa.compare_container(ty);
        if matches!(cond, Cond::Slt | Cond::Sge) && self.number(b) == Some(0) && ty.bits() == whole {
            return self.sign_bit(inst, cond, a, whole);
        }
        let (cond, a, b) = self.look_through(cond, a, Side::Value(b));
        let d = self.result(inst);
        let first = self.temp();
        let compare = self.compare(cond, a, b);
        let yes = i32::from(!compare.inverted);
        self.emit(Kind::Imm(self.bool_width(), yes), &[def(first)]);
        self.emit_select(&compare, d, first, Right::Imm(1 - yes), self.bool_width());
    }

    fn bool_width(&self) -> Width {
        if self.input.isa.has_alu32() { Width::W32 } else { Width::W64 }
    }

    /// `a < 0` or `a >= 0` is its highest bit.
    fn sign_bit(&mut self, inst: Value, cond: Cond, a: Value, whole: u8) {
        let d = self.result(inst);
        let a = self.reg(a);
        let width = if whole == 32 { Width::W32 } else { Width::W64 };
        let shift = Kind::AluImm(AluOp::Rsh, width, i32::from(whole) - 1);
        if cond == Cond::Slt {
            return self.emit(shift, &[same(d, 1), read(a)]);
        }
        let bit = self.temp();
        self.emit(shift, &[same(bit, 1), read(a)]);
        self.emit(Kind::AluImm(AluOp::Xor, self.bool_width(), 1), &[same(d, 1), read(bit)]);
    }

    pub(super) fn select(&mut self, inst: Value, c: Value, a: Value, b: Value) {
        let origin = self.origin_of_truth(c);
        let compare = match self.input.func.node(origin).op {
            Op::Cmp(cond, x, y) => {
                let (cond, x, y) = self.look_through(cond, x, Side::Value(y));
                self.compare(cond, x, y)
            }
            _ => self.compare(Cond::Ne, c, Side::Const(0)),
        };
        let d = self.result(inst);
        let (yes, no) = if compare.inverted { (b, a) } else { (a, b) };
        // The value that stays if the jump is taken is the one in whose register the result comes.
        let kept_is_no = self.prefers(inst, no, yes) && self.inverse(&compare).is_some();
        let (compare, kept, other) = match self.inverse(&compare) {
            Some(inverse) if kept_is_no => (inverse, no, yes),
            _ => (compare, yes, no),
        };
        let kept = self.reg(kept);
        let width = self.width(self.ty(inst));
        let other = match self.number(other) {
            Some(number) => {
                let clean = number.cast_unsigned() & self.ty(inst).mask();
                match (u32::try_from(clean), i32::try_from(clean.cast_signed())) {
                    (Ok(low), _) if self.input.isa.has_alu32() => (Right::Imm(low.cast_signed()), Width::W32),
                    (_, Ok(imm)) => (Right::Imm(imm), Width::W64),
                    _ => (Right::Reg(self.reg(other)), width),
                }
            }
            None => (Right::Reg(self.reg(other)), width),
        };
        self.emit_select(&compare, d, kept, other.0, other.1);
    }

    /// Whether it is better to begin with `a` than with `b`, and to replace it.
    fn prefers(&mut self, inst: Value, a: Value, b: Value) -> bool {
        let (constant_a, constant_b) = (self.number(a).is_some(), self.number(b).is_some());
        if constant_a || constant_b {
            return constant_b && !constant_a;
        }
        a != b && self.overwritten_first(inst, b, a).0 == a
    }

    fn inverse(&self, compare: &Compare) -> Option<Compare> {
        let cond = inverse(compare.cond)?;
        self.input.isa.has_cond(cond).then_some(Compare { cond, ..*compare })
    }

    /// `d = kept`, and unless the compare holds `d = other`.
    fn emit_select(&mut self, compare: &Compare, d: VReg, kept: VReg, other: Right, other_width: Width) {
        let mut operands: smallvec::SmallVec<[Operand; 5]> =
            smallvec::smallvec![same(d, 1), read(kept), read(compare.a)];
        let mut place = |right: Right| match right {
            Right::Reg(reg) => {
                operands.push(read(reg));
                None
            }
            Right::Imm(imm) => Some(imm),
        };
        let (right, other) = (place(compare.b), place(other));
        let Compare { cond, width, .. } = *compare;
        self.emit(Kind::Select { cond, width, right, other, other_width }, &operands);
    }
}

/// The condition that holds where this one does not; none of `BPF_JSET`.
pub(in crate::lower) fn inverse(cond: BpfCond) -> Option<BpfCond> {
    Some(match cond {
        BpfCond::Eq => BpfCond::Ne,
        BpfCond::Ne => BpfCond::Eq,
        BpfCond::Gt => BpfCond::Le,
        BpfCond::Le => BpfCond::Gt,
        BpfCond::Ge => BpfCond::Lt,
        BpfCond::Lt => BpfCond::Ge,
        BpfCond::SGt => BpfCond::SLe,
        BpfCond::SLe => BpfCond::SGt,
        BpfCond::SGe => BpfCond::SLt,
        BpfCond::SLt => BpfCond::SGe,
        BpfCond::Set => return None,
    })
}
