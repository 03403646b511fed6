//! Operations on constants: the meaning of each operation, as `ir` states it.
//!
//! Numbers come and go as [`Type::canonical`] keeps them: sign-extended from their width.

use crate::ir::{BinOp, CastOp, Cond, Func, Op, Type, UnOp, Value};

/// A number with zeros above its width.
#[must_use]
pub(crate) const fn bits(ty: Type, number: i64) -> u64 {
    number.cast_unsigned() & ty.mask()
}

/// How many bits of a shift amount count: 63 or 31.
#[must_use]
pub(crate) const fn shift_mask(ty: Type) -> u64 {
    if ty.bits() > 32 { 63 } else { 31 }
}

/// `a op b`.
#[must_use]
pub(crate) fn bin(op: BinOp, ty: Type, a: i64, b: i64) -> i64 {
    let (ua, ub) = (bits(ty, a), bits(ty, b));
    let (sa, sb) = (ty.canonical(a), ty.canonical(b));
    let shift = ub & shift_mask(ty);
    let result = match op {
        BinOp::Add => a.wrapping_add(b),
        BinOp::Sub => a.wrapping_sub(b),
        BinOp::Mul => a.wrapping_mul(b),
        BinOp::Udiv => ua.checked_div(ub).unwrap_or(0).cast_signed(),
        BinOp::Urem => ua.checked_rem(ub).unwrap_or(ua).cast_signed(),
        BinOp::Sdiv if sb == 0 => 0,
        BinOp::Sdiv => sa.wrapping_div(sb),
        BinOp::Srem if sb == 0 => sa,
        BinOp::Srem => sa.wrapping_rem(sb),
        BinOp::And => a & b,
        BinOp::Or => a | b,
        BinOp::Xor => a ^ b,
        BinOp::Shl => (ua << shift).cast_signed(),
        BinOp::Lshr => (ua >> shift).cast_signed(),
        BinOp::Ashr => sa >> shift,
    };
    ty.canonical(result)
}

/// `op a`.
#[must_use]
pub(crate) fn un(op: UnOp, ty: Type, a: i64) -> i64 {
    let (width, ua) = (u32::from(ty.bits()), bits(ty, a));
    let result = match op {
        UnOp::Neg => a.wrapping_neg(),
        UnOp::Not => !a,
        UnOp::Bswap => (ua << (64 - width)).swap_bytes().cast_signed(),
        UnOp::Clz => i64::from(ua.leading_zeros() - (64 - width)),
        UnOp::Ctz => i64::from(ua.trailing_zeros().min(width)),
        UnOp::Popcnt => i64::from(ua.count_ones()),
    };
    ty.canonical(result)
}

/// A conversion between integers; `None` if it is one of pointers.
#[must_use]
pub(crate) fn cast(op: CastOp, from: Type, to: Type, a: i64) -> Option<i64> {
    match op {
        CastOp::Zext => Some(to.canonical(bits(from, a).cast_signed())),
        CastOp::Sext | CastOp::Trunc => Some(to.canonical(from.canonical(a))),
        CastOp::PtrToInt | CastOp::IntToPtr | CastOp::Space => (a == 0).then_some(0),
    }
}

/// Whether `a cond b` holds.
#[must_use]
pub(crate) const fn holds(cond: Cond, ty: Type, a: i64, b: i64) -> bool {
    cond.holds(bits(ty, a), bits(ty, b), ty.bits())
}

/// The number that an instruction makes, if those of its operands are known that it needs.
#[must_use]
pub(crate) fn inst(func: &Func, inst: Value, number: impl Fn(Value) -> Option<i64>) -> Option<i64> {
    let node = func.node(inst);
    let ty @ Type::Int(_) = node.ty? else { return None };
    match node.op {
        Op::Const(number) => Some(number),
        Op::Bin(op, a, b) => number(a).zip(number(b)).map(|(a, b)| bin(op, ty, a, b)),
        Op::Un(op, a) => number(a).map(|a| un(op, ty, a)),
        Op::Cast(op, a) => number(a).and_then(|n| cast(op, func.ty(a), ty, n)),
        Op::Cmp(cond, a, b) => {
            number(a).zip(number(b)).map(|(x, y)| -i64::from(holds(cond, func.ty(a), x, y)))
        }
        Op::Select(c, a, b) => number(c).and_then(|c| number(if c == 0 { b } else { a })),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn division_is_total() {
        let min = i64::MIN;
        for (op, ty, a, b, expected) in [
            (BinOp::Udiv, Type::I64, 7, 0, 0),
            (BinOp::Urem, Type::I64, 7, 0, 7),
            (BinOp::Sdiv, Type::I64, min, -1, min),
            (BinOp::Srem, Type::I64, min, -1, 0),
            (BinOp::Sdiv, Type::I8, -128, -1, -128),
            (BinOp::Srem, Type::I32, -7, 2, -1),
            (BinOp::Udiv, Type::I8, -1, 2, 127),
            (BinOp::Shl, Type::I8, 1, 9, 0),
            (BinOp::Shl, Type::I32, 1, 33, 2),
            (BinOp::Ashr, Type::I8, -128, 40, -1),
            (BinOp::Lshr, Type::I64, -1, 64, -1),
            (BinOp::Lshr, Type::Int(33), -1, 32, 1),
        ] {
            assert_eq!(bin(op, ty, a, b), expected, "{op:?} {ty} {a} {b}");
        }
    }

    #[test]
    fn operations_of_one_operand() {
        for (op, ty, a, expected) in [
            (UnOp::Bswap, Type::I16, 0x1234, 0x3412),
            (UnOp::Bswap, Type::I32, 0x1234_5678, 0x7856_3412),
            (UnOp::Clz, Type::I8, 1, 7),
            (UnOp::Ctz, Type::I8, 0, 8),
            (UnOp::Popcnt, Type::I16, -1, 16),
            (UnOp::Neg, Type::I8, -128, -128),
        ] {
            assert_eq!(un(op, ty, a), expected, "{op:?} {ty} {a}");
        }
        assert_eq!(cast(CastOp::Zext, Type::I1, Type::I64, -1), Some(1));
        assert_eq!(cast(CastOp::Trunc, Type::I64, Type::I8, 0x1ff), Some(-1));
    }
}
