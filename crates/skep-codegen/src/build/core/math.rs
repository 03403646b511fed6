//! What is made of several operations: minimum, rotation, overflow.

use super::arith::{Bin, Cmp};
use super::body::FuncBuilder;
use super::class::{Class, Shape};
use super::handle::Value;
use crate::ir::{BinOp, Op, Type, UnOp};

impl FuncBuilder<'_> {
    /// The smaller one.
    #[track_caller]
    pub fn min(&mut self, a: Value, b: Value) -> Value {
        let less = self.cmp(Cmp::Lt, a, b);
        self.select(less, a, b)
    }

    /// The larger one.
    #[track_caller]
    pub fn max(&mut self, a: Value, b: Value) -> Value {
        let more = self.cmp(Cmp::Gt, a, b);
        self.select(more, a, b)
    }

    /// The value without its sign; of the smallest one, itself.
    #[track_caller]
    pub fn abs(&mut self, a: Value) -> Value {
        let negated = self.neg(a);
        let zero = self.zero_like(a);
        let negative = self.cmp(Cmp::Lt, a, zero);
        self.select(negative, negated, a)
    }

    /// Rotated to the left by so many bits, counted modulo the width: of 8, 16, 32 or 64 bits.
    #[track_caller]
    pub fn rotate_left(&mut self, a: Value, by: Value) -> Value {
        self.m.here();
        self.rotate(a, by, [BinOp::Shl, BinOp::Lshr])
    }

    /// Rotated to the right by so many bits, counted modulo the width: of 8, 16, 32 or 64 bits.
    #[track_caller]
    pub fn rotate_right(&mut self, a: Value, by: Value) -> Value {
        self.m.here();
        self.rotate(a, by, [BinOp::Lshr, BinOp::Shl])
    }

    fn rotate(&mut self, a: Value, by: Value, [out, back]: [BinOp; 2]) -> Value {
        let (Some((x, class)), Some((by_node, by_class))) = (self.operand(a), self.operand(by)) else {
            return Value::POISON;
        };
        let (Shape::Int { bits: bits @ (8 | 16 | 32 | 64), .. }, Shape::Int { .. }) =
            (class.shape, by_class.shape)
        else {
            return self.bad_operands("rotate", a, by);
        };
        let ty = Type::Int(bits);
        let amount = self.resize(by_node, by_class, ty);
        let mask = self.number(i64::from(bits) - 1, ty);
        let amount = self.emit(Op::Bin(BinOp::And, amount, mask), Some(ty));
        let shifted = self.emit(Op::Bin(out, x, amount), Some(ty));
        // The other amount is the width less this one; at 0 it would be the width, hence the mask.
        let negated = self.emit(Op::Un(UnOp::Neg, amount), Some(ty));
        let rest = self.emit(Op::Bin(BinOp::And, negated, mask), Some(ty));
        let wrapped = self.emit(Op::Bin(back, x, rest), Some(ty));
        let node = self.emit(Op::Bin(BinOp::Or, shifted, wrapped), Some(ty));
        self.value(node, a.ty)
    }

    /// The sum, difference or product (no other operator), and whether it did not fit: a truth value.
    #[track_caller]
    pub fn overflowing(&mut self, op: Bin, a: Value, b: Value) -> (Value, Value) {
        self.m.here();
        let Some((_, class)) = self.operand(a) else { return (Value::POISON, Value::POISON) };
        let signed = class.is_signed();
        let result = self.bin(op, a, b);
        let overflow = match op {
            Bin::Add if signed => {
                // Both have the sign that the sum has not.
                let (left, right) = (self.bin(Bin::Xor, a, result), self.bin(Bin::Xor, b, result));
                let both = self.bin(Bin::And, left, right);
                self.is_negative(both)
            }
            Bin::Add => self.cmp(Cmp::Lt, result, a),
            Bin::Sub if signed => {
                // The signs differ, and the difference has not that of the left side.
                let (left, right) = (self.bin(Bin::Xor, a, b), self.bin(Bin::Xor, a, result));
                let both = self.bin(Bin::And, left, right);
                self.is_negative(both)
            }
            Bin::Sub => self.cmp(Cmp::Lt, a, b),
            Bin::Mul => self.mul_overflow(result, a, b, class),
            _ => {
                self.bad_operand("a checked operation", a, "an addition, subtraction or multiplication");
                return (Value::POISON, Value::POISON);
            }
        };
        (result, overflow)
    }

    /// Whether `result` is not the product.
    #[track_caller]
    fn mul_overflow(&mut self, result: Value, a: Value, b: Value, class: Class) -> Value {
        let Shape::Int { bits, signed } = class.shape else { return Value::POISON };
        if bits <= 32 {
            let wide = if signed { self.m.rust_id::<i64>() } else { self.m.rust_id::<u64>() };
            let (x, y) = (self.cast_to(a, wide), self.cast_to(b, wide));
            let exact = self.bin(Bin::Mul, x, y);
            let kept = self.cast_to(result, wide);
            return self.cmp(Cmp::Ne, exact, kept);
        }
        // Division by zero gives zero, which a product with zero is as well.
        let back = self.bin(Bin::Div, result, b);
        let differs = self.cmp(Cmp::Ne, back, a);
        let zero = self.zero_like(b);
        let counts = self.cmp(Cmp::Ne, b, zero);
        let lost = self.bin(Bin::And, differs, counts);
        if !signed {
            return lost;
        }
        // MIN * -1 is MIN, and MIN / -1 is MIN again: the division does not tell.
        let (Some(least), Some(minus_one)) = (self.extreme(a), self.minus_one(b)) else { return lost };
        let (left, right) = (self.cmp(Cmp::Eq, a, least), self.cmp(Cmp::Eq, b, minus_one));
        let special = self.bin(Bin::And, left, right);
        self.bin(Bin::Or, lost, special)
    }

    #[track_caller]
    fn is_negative(&mut self, a: Value) -> Value {
        let zero = self.zero_like(a);
        self.cmp(Cmp::Lt, a, zero)
    }

    /// Zero of the type of a value.
    fn zero_like(&mut self, a: Value) -> Value {
        self.number_like(a, 0).unwrap_or(Value::POISON)
    }

    fn minus_one(&mut self, a: Value) -> Option<Value> {
        self.number_like(a, -1)
    }

    /// The smallest signed number of the type.
    fn extreme(&mut self, a: Value) -> Option<Value> {
        let (_, class) = self.operand(a)?;
        let bits = class.ir()?.bits();
        self.number_like(a, i64::MIN >> (64 - bits))
    }

    fn number_like(&mut self, a: Value, number: i64) -> Option<Value> {
        let (_, class) = self.operand(a)?;
        let ty = class.ir()?;
        let node = self.number(number, ty);
        Some(self.value(node, a.ty))
    }

    /// From the target's byte order to network order, or back: of 16, 32 or 64 bits.
    #[track_caller]
    pub fn network_order(&mut self, a: Value) -> Value {
        self.m.here();
        self.m.endian_matters = true;
        match self.m.endian {
            skep_insn::Endian::Little => self.swap_bytes(a),
            skep_insn::Endian::Big => a,
        }
    }

    /// `~a` of an integer, `!a` of a truth value.
    #[track_caller]
    pub(in crate::build) fn invert(&mut self, a: Value) -> Value {
        match self.operand(a) {
            Some((_, Class { shape: Shape::Bool, .. })) => self.not(a),
            Some(_) => self.complement(a),
            None => Value::POISON,
        }
    }
}
