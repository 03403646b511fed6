//! Compares, as values and in branches, and selects.
//!
//! An operand of a compare is rewritten only if the compare is its one user: else the verifier would learn of another
//! register than the one that is used behind the test.

use super::{Change as Rewrite, Fold};
use crate::ir::{BinOp, CastOp, Cond, Op, Type, UnOp, Value};
use crate::opt::eval;

/// What becomes of a compare.
pub(super) enum Change {
    /// The answer is known.
    Known(bool),
    /// Another question has the same answer.
    Ask(Cond, Value, Value),
}

impl Fold<'_> {
    pub(super) fn cmp(&mut self, cond: Cond, a: Value, b: Value) -> Option<Rewrite> {
        // A truth value asked for truth.
        if self.func.ty(a) == Type::I1 && self.func.as_const(b) == Some(0) {
            match cond {
                Cond::Ne => return Some(Rewrite::Same(a)),
                Cond::Eq if !matches!(self.op(a), Op::Cmp(..)) => {
                    let ones = self.constant(Type::I1, -1);
                    return Some(Rewrite::Op(Op::Bin(BinOp::Xor, a, ones)));
                }
                _ => {}
            }
        }
        Some(match self.compare(cond, a, b)? {
            Change::Known(answer) => Rewrite::Number(-i64::from(answer)),
            Change::Ask(cond, a, b) => Rewrite::Op(Op::Cmp(cond, a, b)),
        })
    }

    pub(super) fn compare(&mut self, cond: Cond, a: Value, b: Value) -> Option<Change> {
        let ty = self.func.ty(a);
        if a == b && !matches!(cond, Cond::Set | Cond::Clear) {
            return Some(Change::Known(cond.holds(0, 0, 64)));
        }
        match (self.func.as_const(a), self.func.as_const(b)) {
            (Some(x), Some(y)) => return Some(Change::Known(eval::holds(cond, ty, x, y))),
            (Some(_), None) => return Some(Change::Ask(cond.swapped(), b, a)),
            _ => {}
        }
        if ty.is_ptr() {
            return self.compare_pointers(cond, a, b);
        }
        if let Some(answer) = self.known(a).compare(cond, self.known(b), ty) {
            return Some(Change::Known(answer));
        }
        match self.func.as_const(b) {
            Some(number) => self.compare_const(ty, cond, a, number),
            None => self.compare_values(cond, a, b),
        }
    }

    /// What a pointer is compared with is null, or is what it is made from.
    fn compare_pointers(&self, cond: Cond, a: Value, b: Value) -> Option<Change> {
        if self.func.as_const(b) != Some(0) || !matches!(cond, Cond::Eq | Cond::Ne) {
            return None;
        }
        let mut base = a;
        while let Op::PtrAdd { base: inner, index: None, offset } = *self.op(base) {
            if !(0..1 << 29).contains(&offset) {
                return None;
            }
            base = inner;
        }
        matches!(self.op(base), Op::Slot(_)).then_some(Change::Known(cond == Cond::Ne))
    }

    fn compare_const(&mut self, ty: Type, cond: Cond, a: Value, number: i64) -> Option<Change> {
        if let Some(change) = self.canonical(ty, cond, a, number) {
            return Some(change);
        }
        let bits = eval::bits(ty, number);
        let equality = matches!(cond, Cond::Eq | Cond::Ne);
        let single = self.is_single(a);
        match *self.op(a) {
            Op::Cast(CastOp::Zext, x) => {
                let narrow = self.func.ty(x);
                if narrow == Type::I1 && equality && bits <= 1 {
                    // The truth value that this was made from.
                    return Some(self.ask_truth(x, (cond == Cond::Ne) == (bits == 0)));
                }
                if equality && single && narrow.bits() >= 32 {
                    let number = self.constant(narrow, narrow.canonical(number));
                    return Some(Change::Ask(cond, x, number));
                }
                None
            }
            Op::Cast(CastOp::Sext, x) if single && self.func.ty(x).bits() >= 32 => {
                let narrow = self.func.ty(x);
                let kept = narrow.canonical(number) == number;
                if kept && !matches!(cond, Cond::Set | Cond::Clear) {
                    let number = self.constant(narrow, number);
                    return Some(Change::Ask(cond, x, number));
                }
                None
            }
            // Whether a number is loaded with its sign or without is the same to those who only ask if it is this one.
            Op::Load { access, signed: true, .. }
                if equality && single && access.width.bits() < ty.bits() =>
            {
                let narrow = Type::Int(access.width.bits());
                if narrow.canonical(number) != number {
                    return Some(Change::Known(cond == Cond::Ne));
                }
                self.load_unsigned(a);
                let number = self.constant(ty, eval::bits(narrow, number).cast_signed());
                Some(Change::Ask(cond, a, number))
            }
            Op::Cast(CastOp::PtrToInt, x) if equality && number == 0 => {
                let null = self.constant(self.func.ty(x), 0);
                Some(Change::Ask(cond, x, null))
            }
            Op::Cmp(inner, x, y) if equality => {
                let holds = (cond == Cond::Ne) == (bits == 0);
                Some(Change::Ask(if holds { inner } else { inner.inverse() }, x, y))
            }
            // A truth value, negated.
            Op::Bin(BinOp::Xor, x, c) if ty == Type::I1 && equality && self.func.as_const(c) == Some(-1) => {
                Some(self.ask_truth(x, (cond == Cond::Ne) != (bits == 0)))
            }
            Op::Bin(op, x, y) if equality && single => self.equal_bin(ty, cond, op, x, y, number),
            Op::Un(UnOp::Bswap, x) if equality && single => {
                let number = self.constant(ty, eval::un(UnOp::Bswap, ty, number));
                Some(Change::Ask(cond, x, number))
            }
            Op::Un(UnOp::Neg, x) if equality && single => {
                let number = self.constant(ty, number.wrapping_neg());
                Some(Change::Ask(cond, x, number))
            }
            Op::Select(c, x, y) => {
                let (x, y) = (self.func.as_const(x)?, self.func.as_const(y)?);
                match (eval::holds(cond, ty, x, number), eval::holds(cond, ty, y, number)) {
                    (true, false) => Some(self.ask_truth(c, true)),
                    (false, true) => Some(self.ask_truth(c, false)),
                    (both, _) => Some(Change::Known(both)),
                }
            }
            _ => None,
        }
    }

    /// Whether the `i1` is, or is not, true.
    fn ask_truth(&mut self, x: Value, holds: bool) -> Change {
        let zero = self.constant(Type::I1, 0);
        Change::Ask(if holds { Cond::Ne } else { Cond::Eq }, x, zero)
    }

    /// One form for compares that ask the same: strict ones, and equality where only one number is left.
    fn canonical(&mut self, ty: Type, cond: Cond, a: Value, number: i64) -> Option<Change> {
        let bits = eval::bits(ty, number);
        let known = self.known(a);
        let (cond, number) = match cond {
            Cond::Ule => (Cond::Ult, number.wrapping_add(1)),
            Cond::Uge => (Cond::Ugt, number.wrapping_sub(1)),
            Cond::Sle => (Cond::Slt, number.wrapping_add(1)),
            Cond::Sge => (Cond::Sgt, number.wrapping_sub(1)),
            Cond::Ult if bits == known.min.wrapping_add(1) => (Cond::Eq, known.min.cast_signed()),
            // An inequality tells some kernels less than a bound does.
            Cond::Ult if bits == known.max && self.is_single(a) => (Cond::Ne, number),
            Cond::Ugt if bits == known.min && self.is_single(a) => (Cond::Ne, number),
            Cond::Ugt if bits.wrapping_add(1) == known.max => (Cond::Eq, known.max.cast_signed()),
            // Of one bit.
            Cond::Ne if number != 0 && known.possible() == bits && bits.is_power_of_two() => (Cond::Eq, 0),
            Cond::Eq if number != 0 && known.possible() == bits && bits.is_power_of_two() => (Cond::Ne, 0),
            Cond::Set | Cond::Clear if bits == ty.mask() => {
                (if cond == Cond::Set { Cond::Ne } else { Cond::Eq }, 0)
            }
            _ => return None,
        };
        // The other number may be no immediate. That it does not wrap was settled by the bounds: each compare with the
        // smallest or largest number has a known answer.
        let number = ty.canonical(number);
        if ty.bits() > 32 && i32::try_from(number).is_err() {
            return None;
        }
        let number = self.constant(ty, number);
        Some(Change::Ask(cond, a, number))
    }

    /// `(x op y) == number`, for the operations that can be undone.
    fn equal_bin(
        &mut self,
        ty: Type,
        cond: Cond,
        op: BinOp,
        x: Value,
        y: Value,
        number: i64,
    ) -> Option<Change> {
        match (op, self.func.as_const(y)) {
            (BinOp::Add | BinOp::Xor, Some(c)) => {
                let inverse = if op == BinOp::Add { BinOp::Sub } else { BinOp::Xor };
                let number = ty.canonical(eval::bin(inverse, ty, number, c));
                if ty.bits() > 32 && i32::try_from(number).is_err() {
                    return None;
                }
                let number = self.constant(ty, number);
                Some(Change::Ask(cond, x, number))
            }
            (BinOp::Sub | BinOp::Xor, None) if number == 0 => Some(Change::Ask(cond, x, y)),
            // Truth values become two branches elsewhere.
            (BinOp::And, _) if ty == Type::I1 => None,
            (BinOp::And, _) if number == 0 => {
                Some(Change::Ask(if cond == Cond::Ne { Cond::Set } else { Cond::Clear }, x, y))
            }
            // All of one bit is any of it.
            (BinOp::And, Some(c)) if c == number && eval::bits(ty, c).is_power_of_two() => {
                Some(Change::Ask(if cond == Cond::Eq { Cond::Set } else { Cond::Clear }, x, y))
            }
            _ => None,
        }
    }

    /// Of two extensions from one type, and of differences.
    fn compare_values(&mut self, cond: Cond, a: Value, b: Value) -> Option<Change> {
        if !self.is_single(a) || !self.is_single(b) || matches!(cond, Cond::Set | Cond::Clear) {
            return None;
        }
        match (self.op(a), self.op(b)) {
            (&Op::Load { access: x, signed: true, .. }, &Op::Load { access: y, signed: true, .. })
                if matches!(cond, Cond::Eq | Cond::Ne)
                    && x.width == y.width
                    && a != b
                    && x.width.bits() < self.func.ty(a).bits() =>
            {
                self.load_unsigned(a);
                self.load_unsigned(b);
                Some(Change::Ask(cond, a, b))
            }
            (&Op::Cast(CastOp::Zext, x), &Op::Cast(CastOp::Zext, y))
                if self.func.ty(x) == self.func.ty(y) && self.func.ty(x).bits() >= 32 =>
            {
                let cond = match cond {
                    Cond::Slt => Cond::Ult,
                    Cond::Sle => Cond::Ule,
                    Cond::Sgt => Cond::Ugt,
                    Cond::Sge => Cond::Uge,
                    other => other,
                };
                Some(Change::Ask(cond, x, y))
            }
            (&Op::Cast(CastOp::Sext, x), &Op::Cast(CastOp::Sext, y))
                if self.func.ty(x) == self.func.ty(y) && self.func.ty(x).bits() >= 32 =>
            {
                Some(Change::Ask(cond, x, y))
            }
            _ => None,
        }
    }

    /// Lets a load, whose one user asks for equality, come without its sign.
    fn load_unsigned(&mut self, load: Value) {
        self.changed = true;
        if let Op::Load { signed, .. } = &mut self.func.node_mut(load).op {
            *signed = false;
        }
        self.known[load.0 as usize] = crate::opt::known::of(self.func, load, |v| self.known[v.0 as usize]);
    }

    pub(super) fn select(&mut self, ty: Type, c: Value, a: Value, b: Value) -> Option<Rewrite> {
        if a == b {
            return Some(Rewrite::Same(a));
        }
        if let Some(number) = self.func.as_const(c) {
            return Some(Rewrite::Same(if number == 0 { b } else { a }));
        }
        if let Op::Bin(BinOp::Xor, x, ones) = *self.op(c)
            && self.func.as_const(ones) == Some(-1)
        {
            return Some(Rewrite::Op(Op::Select(x, b, a)));
        }
        let (x, y) = (self.func.as_const(a), self.func.as_const(b));
        match (x, y) {
            (Some(-1), Some(0)) if ty == Type::I1 => Some(Rewrite::Same(c)),
            (Some(0), Some(-1)) if ty == Type::I1 => {
                let ones = self.constant(ty, -1);
                Some(Rewrite::Op(Op::Bin(BinOp::Xor, c, ones)))
            }
            (Some(1), Some(0)) if matches!(ty, Type::Int(_)) => Some(Rewrite::Op(Op::Cast(CastOp::Zext, c))),
            _ => None,
        }
    }
}
