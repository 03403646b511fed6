//! Arithmetic.

use super::{Change, Fold};
use crate::ir::{BinOp, CastOp, Op, Type, UnOp, Value};
use crate::opt::eval;

impl Fold<'_> {
    pub(super) fn bin(&mut self, ty: Type, op: BinOp, a: Value, b: Value) -> Option<Change> {
        let (ca, cb) = (self.func.as_const(a), self.func.as_const(b));
        match (ca, cb) {
            (Some(x), Some(y)) => Some(Change::Number(eval::bin(op, ty, x, y))),
            (Some(_), None) if op.commutes() => Some(Change::Op(Op::Bin(op, b, a))),
            (_, Some(number)) => self.bin_const(ty, op, a, b, number),
            (Some(0), None) if op == BinOp::Sub => Some(Change::Op(Op::Un(UnOp::Neg, b))),
            (Some(0), None) if op != BinOp::Sub => Some(Change::Number(0)),
            _ => self.bin_values(ty, op, a, b),
        }
    }

    /// `a op number`; `b` is the constant.
    fn bin_const(&mut self, ty: Type, op: BinOp, a: Value, b: Value, number: i64) -> Option<Change> {
        let bits = eval::bits(ty, number);
        let power = bits.is_power_of_two().then(|| i64::from(bits.trailing_zeros()));
        match op {
            BinOp::Add | BinOp::Or | BinOp::Xor | BinOp::Sub if number == 0 => Some(Change::Same(a)),
            BinOp::Mul | BinOp::And | BinOp::Udiv | BinOp::Sdiv if number == 0 => Some(Change::Number(0)),
            BinOp::Urem | BinOp::Srem if number == 0 => Some(Change::Same(a)),
            BinOp::Mul | BinOp::Udiv if bits == 1 => Some(Change::Same(a)),
            BinOp::Urem if bits == 1 => Some(Change::Number(0)),
            // In one bit, 1 is -1; so this comes first.
            BinOp::Sdiv | BinOp::Mul if number == -1 => Some(Change::Op(Op::Un(UnOp::Neg, a))),
            BinOp::Srem if number == -1 || number == 1 => Some(Change::Number(0)),
            BinOp::Sdiv if number == 1 => Some(Change::Same(a)),
            BinOp::Sub => self.add_negated(ty, a, number),
            BinOp::Mul => match power {
                Some(power) => Some(self.shifted(ty, BinOp::Shl, a, power)),
                None => self.chain(ty, op, a, number),
            },
            BinOp::Udiv => power.map(|power| self.shifted(ty, BinOp::Lshr, a, power)),
            BinOp::Urem => power.map(|_| {
                let mask = self.constant(ty, number.wrapping_sub(1));
                Change::Op(Op::Bin(BinOp::And, a, mask))
            }),
            BinOp::Sdiv | BinOp::Srem => self.unsigned_division(ty, op, a, b),
            BinOp::Add => self.add_const(ty, a, number),
            BinOp::And => self.and_const(ty, a, number),
            BinOp::Or if number == -1 || self.known(a).possible() & !bits == 0 => {
                Some(Change::Number(number))
            }
            BinOp::Or if bits & !self.known(a).ones == 0 => Some(Change::Same(a)),
            BinOp::Xor => self.xor_const(ty, a, number),
            BinOp::Or => self.chain(ty, op, a, number),
            BinOp::Shl | BinOp::Lshr | BinOp::Ashr => self.shift_const(ty, op, a, number),
        }
    }

    /// `a op amount`.
    fn shifted(&mut self, ty: Type, op: BinOp, a: Value, amount: i64) -> Change {
        let amount = self.constant(ty, amount);
        Change::Op(Op::Bin(op, a, amount))
    }

    /// `(x op c) op number` is `x op (c op number)`. The inner one must have no other user: a compare of it may have
    /// told the verifier something that is not known of `x`.
    fn chain(&mut self, ty: Type, op: BinOp, a: Value, number: i64) -> Option<Change> {
        let Op::Bin(inner, x, c) = *self.op(a) else { return None };
        let c = self.func.as_const(c)?;
        if inner != op || !self.is_single(a) {
            return None;
        }
        let both = self.constant(ty, eval::bin(op, ty, c, number));
        Some(Change::Op(Op::Bin(op, x, both)))
    }

    /// `a - number` as a sum, unless that takes a constant that is no immediate.
    fn add_negated(&mut self, ty: Type, a: Value, number: i64) -> Option<Change> {
        let negated = ty.canonical(number.wrapping_neg());
        if i32::try_from(number).is_ok() && i32::try_from(negated).is_err() {
            return None;
        }
        let negated = self.constant(ty, negated);
        Some(Change::Op(Op::Bin(BinOp::Add, a, negated)))
    }

    fn add_const(&mut self, ty: Type, a: Value, number: i64) -> Option<Change> {
        match *self.op(a) {
            // ~x + 1
            Op::Bin(BinOp::Xor, x, c) if number == 1 && self.func.as_const(c) == Some(-1) => {
                Some(Change::Op(Op::Un(UnOp::Neg, x)))
            }
            // (c - x) + number
            Op::Bin(BinOp::Sub, c, x) if self.is_single(a) && self.func.as_const(c).is_some() => {
                let c = self.func.as_const(c)?;
                let sum = self.constant(ty, eval::bin(BinOp::Add, ty, c, number));
                Some(Change::Op(Op::Bin(BinOp::Sub, sum, x)))
            }
            _ => self.chain(ty, BinOp::Add, a, number),
        }
    }

    fn xor_const(&mut self, ty: Type, a: Value, number: i64) -> Option<Change> {
        match *self.op(a) {
            Op::Cmp(cond, x, y) if ty == Type::I1 && self.is_single(a) => {
                Some(Change::Op(Op::Cmp(cond.inverse(), x, y)))
            }
            // ~(x - 1)
            Op::Bin(BinOp::Add, x, c) if number == -1 && self.func.as_const(c) == Some(-1) => {
                Some(Change::Op(Op::Un(UnOp::Neg, x)))
            }
            _ => self.chain(ty, BinOp::Xor, a, number),
        }
    }

    fn and_const(&mut self, ty: Type, a: Value, number: i64) -> Option<Change> {
        let mask = eval::bits(ty, number);
        let possible = self.known(a).possible() & ty.mask();
        if possible & !mask == 0 {
            return Some(Change::Same(a));
        }
        // A mask of which only zeros are asked is as good without these bits, if the rest is a smaller number.
        let needed = mask & possible;
        if needed != mask
            && mask > i32::MAX.cast_unsigned().into()
            && needed <= i32::MAX.cast_unsigned().into()
        {
            return Some(self.masked(ty, a, needed.cast_signed()));
        }
        // 32 bits, of which the upper one is in the mask: no immediate of a 64-bit operation, which would extend the sign.
        if ty == Type::I64 && mask >> 31 == 1 {
            let low = self.insert(Op::Cast(CastOp::Trunc, a), Type::I32);
            let low = if mask == u32::MAX.into() {
                low
            } else {
                let mask = self.constant(Type::I32, number);
                self.insert(Op::Bin(BinOp::And, low, mask), Type::I32)
            };
            return Some(Change::Op(Op::Cast(CastOp::Zext, low)));
        }
        let Op::Bin(op, x, c) = *self.op(a) else { return None };
        let c = self.func.as_const(c)?;
        let (c_bits, single) = (eval::bits(ty, c), self.is_single(a));
        // Bits below the lowest zero of the mask do not depend on those above.
        let is_low = mask & mask.wrapping_add(1) == 0;
        match op {
            BinOp::And if single => Some(self.masked(ty, x, number & c)),
            BinOp::Or if mask & !c_bits == 0 => Some(Change::Number(number)),
            BinOp::Or | BinOp::Xor if single && mask & c_bits == 0 => Some(self.masked(ty, x, number)),
            BinOp::Add if single && is_low && mask & c_bits == 0 => Some(self.masked(ty, x, number)),
            _ => None,
        }
    }

    fn masked(&mut self, ty: Type, a: Value, mask: i64) -> Change {
        let mask = self.constant(ty, mask);
        Change::Op(Op::Bin(BinOp::And, a, mask))
    }

    /// Signed division of numbers that are not negative is the unsigned one, which each cpu version has.
    fn unsigned_division(&mut self, ty: Type, op: BinOp, a: Value, b: Value) -> Option<Change> {
        let unsigned = if op == BinOp::Sdiv { BinOp::Udiv } else { BinOp::Urem };
        (self.known(a).is_nonnegative(ty) && self.known(b).is_nonnegative(ty))
            .then_some(Change::Op(Op::Bin(unsigned, a, b)))
    }

    fn shift_const(&mut self, ty: Type, op: BinOp, a: Value, number: i64) -> Option<Change> {
        let width = u64::from(ty.bits());
        let raw = eval::bits(ty, number);
        let amount = raw & eval::shift_mask(ty);
        if amount == 0 {
            return Some(Change::Same(a));
        }
        if amount >= width && op != BinOp::Ashr {
            return Some(Change::Number(0));
        }
        let effective = amount.min(width - 1);
        if effective != raw {
            return Some(self.shifted(ty, op, a, effective.cast_signed()));
        }
        if op == BinOp::Ashr && self.known(a).is_nonnegative(ty) {
            return Some(self.shifted(ty, BinOp::Lshr, a, number));
        }
        let Op::Bin(inner, x, c) = *self.op(a) else { return None };
        if (inner, op, ty) == (BinOp::Add, BinOp::Shl, Type::I64)
            && amount < 8
            && let Some(number) = self.small_sum(a, x, c)
        {
            let amount = self.constant(ty, amount.cast_signed());
            let wide = self.insert(Op::Bin(BinOp::Shl, x, amount), ty);
            let number = self.constant(ty, number << effective);
            return Some(Change::Op(Op::Bin(BinOp::Add, wide, number)));
        }
        let first = eval::bits(ty, self.func.as_const(c)?);
        if first >= width {
            return None;
        }
        let low = ty.mask() >> amount;
        match (inner, op) {
            _ if inner == op && self.is_single(a) => {
                let sum = first + amount;
                if sum >= width && op != BinOp::Ashr {
                    return Some(Change::Number(0));
                }
                Some(self.shifted(ty, op, x, sum.min(width - 1).cast_signed()))
            }
            (BinOp::Lshr, BinOp::Shl) if first == amount && amount < 32 => {
                Some(self.masked(ty, x, (ty.mask() << amount).cast_signed()))
            }
            (BinOp::Shl, BinOp::Lshr) if first == amount => {
                if ty.bits() <= 32 || low <= i32::MAX.cast_unsigned().into() {
                    Some(self.masked(ty, x, low.cast_signed()))
                } else if low == u32::MAX.into() {
                    let half = self.insert(Op::Cast(CastOp::Trunc, x), Type::I32);
                    Some(Change::Op(Op::Cast(CastOp::Zext, half)))
                } else {
                    None
                }
            }
            (BinOp::Shl, BinOp::Ashr) if first == amount && matches!(width - amount, 8 | 16 | 32) => {
                let narrow = Type::Int(u8::try_from(width - amount).ok()?);
                let low = self.insert(Op::Cast(CastOp::Trunc, x), narrow);
                Some(Change::Op(Op::Cast(CastOp::Sext, low)))
            }
            _ => None,
        }
    }

    /// Neither is a constant, or only `a`, and the operation does not commute.
    fn bin_values(&mut self, ty: Type, op: BinOp, a: Value, b: Value) -> Option<Change> {
        match op {
            BinOp::Sub | BinOp::Xor if a == b => return Some(Change::Number(0)),
            BinOp::And | BinOp::Or if a == b => return Some(Change::Same(a)),
            BinOp::Sdiv | BinOp::Srem => return self.unsigned_division(ty, op, a, b),
            BinOp::Ashr if self.known(a).is_nonnegative(ty) => {
                return Some(Change::Op(Op::Bin(BinOp::Lshr, a, b)));
            }
            _ => {}
        }
        match (op, self.op(a), self.op(b)) {
            (BinOp::Add, _, &Op::Un(UnOp::Neg, y)) => Some(Change::Op(Op::Bin(BinOp::Sub, a, y))),
            (BinOp::Add, &Op::Un(UnOp::Neg, x), _) => Some(Change::Op(Op::Bin(BinOp::Sub, b, x))),
            (BinOp::Sub, _, &Op::Un(UnOp::Neg, y)) => Some(Change::Op(Op::Bin(BinOp::Add, a, y))),
            (BinOp::Add, &Op::Bin(BinOp::Sub, x, y), _) if y == b => Some(Change::Same(x)),
            (BinOp::Add, _, &Op::Bin(BinOp::Sub, x, y)) if y == a => Some(Change::Same(x)),
            (BinOp::Sub, &Op::Bin(BinOp::Add, x, y), _) if y == b => Some(Change::Same(x)),
            (BinOp::Sub, &Op::Bin(BinOp::Add, x, y), _) if x == b => Some(Change::Same(y)),
            (BinOp::Sub, _, &Op::Bin(BinOp::Sub, x, y)) if x == a => Some(Change::Same(y)),
            (BinOp::Xor, &Op::Bin(BinOp::Xor, x, y), _) if y == b => Some(Change::Same(x)),
            (BinOp::Xor, &Op::Bin(BinOp::Xor, x, y), _) if x == b => Some(Change::Same(y)),
            (BinOp::Shl | BinOp::Lshr | BinOp::Ashr, _, &Op::Bin(BinOp::And, x, c)) => {
                // The mask of the amount is what the shift does anyway.
                let mask = eval::bits(ty, self.func.as_const(c)?);
                (eval::shift_mask(ty) & !mask == 0).then_some(Change::Op(Op::Bin(op, a, x)))
            }
            _ => None,
        }
    }

    pub(super) fn un(&mut self, ty: Type, op: UnOp, a: Value) -> Option<Change> {
        if let Some(number) = self.func.as_const(a) {
            return Some(Change::Number(eval::un(op, ty, number)));
        }
        if ty == Type::I1 && matches!(op, UnOp::Neg) {
            return Some(Change::Same(a));
        }
        match (op, self.op(a)) {
            (UnOp::Not, _) => {
                let ones = self.constant(ty, -1);
                Some(Change::Op(Op::Bin(BinOp::Xor, a, ones)))
            }
            (UnOp::Neg | UnOp::Bswap, &Op::Un(inner, x)) if inner == op => Some(Change::Same(x)),
            (UnOp::Neg, &Op::Bin(BinOp::Sub, x, y)) if self.is_single(a) => {
                Some(Change::Op(Op::Bin(BinOp::Sub, y, x)))
            }
            _ => None,
        }
    }
}
