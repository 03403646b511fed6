//! Conversions.

use super::{Change, Fold};
use crate::ir::{BinOp, CastOp, Op, Type, Value};
use crate::opt::eval;

impl Fold<'_> {
    pub(super) fn cast(&mut self, to: Type, op: CastOp, a: Value) -> Option<Change> {
        let from = self.func.ty(a);
        if from == to {
            return Some(Change::Same(a));
        }
        if let Some(number) = self.func.as_const(a).and_then(|number| eval::cast(op, from, to, number)) {
            return Some(Change::Number(number));
        }
        match op {
            CastOp::Zext => self.zext(to, a),
            CastOp::Sext => self.sext(from, to, a),
            CastOp::Trunc => self.trunc(from, to, a),
            CastOp::PtrToInt | CastOp::IntToPtr | CastOp::Space => match *self.op(a) {
                Op::Cast(inner, x) if self.func.ty(x) == to => match (inner, op) {
                    (CastOp::PtrToInt, CastOp::IntToPtr) | (CastOp::IntToPtr, CastOp::PtrToInt) => {
                        Some(Change::Same(x))
                    }
                    _ => None,
                },
                _ => None,
            },
        }
    }

    fn zext(&mut self, to: Type, a: Value) -> Option<Change> {
        match *self.op(a) {
            Op::Cast(CastOp::Zext, x) => Some(Change::Op(Op::Cast(CastOp::Zext, x))),
            Op::Cast(CastOp::Trunc, x) => self.zext_of_trunc(to, a, x),
            Op::Load { signed: false, .. } if self.is_single(a) => {
                self.widen_load(a, to);
                Some(Change::Same(a))
            }
            // A sum that stays in its width: as an index, its constant becomes a part of the address.
            Op::Bin(BinOp::Add, x, c) if to == Type::I64 && self.func.ty(x) == Type::I32 => {
                let number = self.small_sum(a, x, c)?;
                let wide = self.insert(Op::Cast(CastOp::Zext, x), to);
                let number = self.constant(to, number);
                Some(Change::Op(Op::Bin(BinOp::Add, wide, number)))
            }
            _ => None,
        }
    }

    /// The constant of a sum that nothing else uses, of a small number and a small constant. The kernel knows no less of
    /// the number than of the sum.
    pub(super) fn small_sum(&self, sum: Value, x: Value, c: Value) -> Option<i64> {
        let number = self.func.as_const(c)?;
        (self.is_single(sum) && (1..1 << 28).contains(&number) && self.known(x).max < 1 << 28)
            .then_some(number)
    }

    /// Cutting off the upper bits. While the verifier may have learnt something of the narrow value (it has other users,
    /// among them compares), the wide one stays an extension of it.
    fn zext_of_trunc(&mut self, to: Type, narrow: Value, x: Value) -> Option<Change> {
        let (wide, cut) = (self.func.ty(x), self.func.ty(narrow));
        if !self.is_single(narrow) && cut.bits() >= 32 {
            return None;
        }
        let x = match wide.bits().cmp(&to.bits()) {
            std::cmp::Ordering::Equal => x,
            std::cmp::Ordering::Less if cut.bits() < 32 => {
                let low = self.low_bits(wide, x, cut);
                return Some(Change::Op(Op::Cast(CastOp::Zext, low)));
            }
            std::cmp::Ordering::Greater if cut.bits() < 32 => self.insert(Op::Cast(CastOp::Trunc, x), to),
            _ => return None,
        };
        if self.known(x).possible() & !cut.mask() == 0 {
            return Some(Change::Same(x));
        }
        (cut.bits() < 32).then(|| {
            let mask = self.constant(to, cut.mask().cast_signed());
            Change::Op(Op::Bin(BinOp::And, x, mask))
        })
    }

    fn low_bits(&mut self, ty: Type, x: Value, cut: Type) -> Value {
        if self.known(x).possible() & !cut.mask() == 0 {
            return x;
        }
        let mask = self.constant(ty, cut.mask().cast_signed());
        self.insert(Op::Bin(BinOp::And, x, mask), ty)
    }

    fn sext(&mut self, from: Type, to: Type, a: Value) -> Option<Change> {
        if self.known(a).is_nonnegative(from) {
            return Some(Change::Op(Op::Cast(CastOp::Zext, a)));
        }
        match *self.op(a) {
            Op::Cast(CastOp::Sext, x) => Some(Change::Op(Op::Cast(CastOp::Sext, x))),
            // The extension is two shifts where `movsx` is missing; one of them is there already.
            Op::Bin(BinOp::Ashr, x, c) if (from, to) == (Type::I32, Type::I64) && self.is_single(a) => {
                let amount = self.func.as_const(c)?;
                let wide = self.insert(Op::Cast(CastOp::Zext, x), to);
                let by = self.constant(to, 32);
                let upper = self.insert(Op::Bin(BinOp::Shl, wide, by), to);
                let by = self.constant(to, 32 + amount);
                Some(Change::Op(Op::Bin(BinOp::Ashr, upper, by)))
            }
            Op::Load { access, .. } if self.is_single(a) && access.width.bits() == from.bits() => {
                if let Op::Load { signed, .. } = &mut self.func.node_mut(a).op {
                    *signed = true;
                }
                self.widen_load(a, to);
                Some(Change::Same(a))
            }
            _ => None,
        }
    }

    /// Lets a load make a wider value; its one user is the extension that it now does itself.
    fn widen_load(&mut self, load: Value, to: Type) {
        self.changed = true;
        self.func.node_mut(load).ty = Some(to);
        self.known[load.0 as usize] = crate::opt::known::of(self.func, load, |v| self.known[v.0 as usize]);
    }

    fn trunc(&mut self, from: Type, to: Type, a: Value) -> Option<Change> {
        let demanded = to.mask();
        match *self.op(a) {
            Op::Cast(CastOp::Trunc, x) => Some(Change::Op(Op::Cast(CastOp::Trunc, x))),
            Op::Cast(op @ (CastOp::Zext | CastOp::Sext), x) => {
                Some(match self.func.ty(x).bits().cmp(&to.bits()) {
                    std::cmp::Ordering::Equal => Change::Same(x),
                    std::cmp::Ordering::Less => Change::Op(Op::Cast(op, x)),
                    std::cmp::Ordering::Greater => Change::Op(Op::Cast(CastOp::Trunc, x)),
                })
            }
            Op::Bin(op, x, y) if self.is_single(a) => {
                let c = self.func.as_const(y).map(|c| eval::bits(from, c));
                match (op, c) {
                    (BinOp::And, Some(mask)) if demanded & !mask == 0 => {
                        Some(Change::Op(Op::Cast(CastOp::Trunc, x)))
                    }
                    (BinOp::Or | BinOp::Xor, Some(mask)) if demanded & mask == 0 => {
                        Some(Change::Op(Op::Cast(CastOp::Trunc, x)))
                    }
                    // What is computed of extended values is computed in their width.
                    (BinOp::Add | BinOp::Sub | BinOp::Mul | BinOp::And | BinOp::Or | BinOp::Xor, _)
                        if self.narrows(x, to) && self.narrows(y, to) =>
                    {
                        let (x, y) = (self.narrow(x, to), self.narrow(y, to));
                        Some(Change::Op(Op::Bin(op, x, y)))
                    }
                    (BinOp::Shl, Some(amount)) if amount < to.bits().into() && self.narrows(x, to) => {
                        let (x, amount) = (self.narrow(x, to), self.constant(to, amount.cast_signed()));
                        Some(Change::Op(Op::Bin(op, x, amount)))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Whether the low bits of a value cost nothing.
    fn narrows(&self, value: Value, to: Type) -> bool {
        match *self.op(value) {
            Op::Const(_) => true,
            Op::Cast(CastOp::Zext | CastOp::Sext, x) => self.func.ty(x) == to,
            _ => false,
        }
    }

    fn narrow(&mut self, value: Value, to: Type) -> Value {
        match *self.op(value) {
            Op::Const(number) => self.constant(to, number),
            Op::Cast(_, x) => x,
            _ => value,
        }
    }
}
