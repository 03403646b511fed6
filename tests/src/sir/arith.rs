//! Arithmetic as the words of the IR have it: in 128 bits, and then cut.

use skep_codegen::ir::{BinOp, CastOp, Cond, Type, UnOp};

/// The low bits of a number.
#[must_use]
pub fn cut(value: i128, bits: u8) -> u64 {
    let mask = (1_i128 << bits) - 1;
    u64::try_from(value & mask).expect("at most 64 bits are left")
}

/// A value of that many bits, as the signed number it stands for.
#[must_use]
pub fn signed(value: u64, bits: u8) -> i128 {
    let value = i128::from(value);
    if value >= 1 << (bits - 1) { value - (1 << bits) } else { value }
}

/// An operation of two integers of one width.
#[must_use]
pub fn binary(op: BinOp, a: u64, b: u64, bits: u8) -> u64 {
    let (ua, ub) = (i128::from(a), i128::from(b));
    let (sa, sb) = (signed(a, bits), signed(b, bits));
    let count = ub % if bits > 32 { 64 } else { 32 };
    let result = match op {
        BinOp::Add => ua + ub,
        BinOp::Sub => ua - ub,
        // The product may need all 128 bits; of them the low ones count, which signs do not change.
        BinOp::Mul => ua.wrapping_mul(ub),
        BinOp::Udiv if b == 0 => 0,
        BinOp::Udiv => ua / ub,
        BinOp::Sdiv if b == 0 => 0,
        BinOp::Sdiv => sa / sb,
        BinOp::Urem if b == 0 => ua,
        BinOp::Urem => ua % ub,
        BinOp::Srem if b == 0 => ua,
        BinOp::Srem => sa % sb,
        BinOp::And => ua & ub,
        BinOp::Or => ua | ub,
        BinOp::Xor => ua ^ ub,
        BinOp::Shl => ua << count,
        BinOp::Lshr => ua >> count,
        BinOp::Ashr => sa >> count,
    };
    cut(result, bits)
}

/// An operation of one integer. A byte swap of what has no whole pairs of bytes is none.
#[must_use]
pub fn unary(op: UnOp, a: u64, bits: u8) -> Option<u64> {
    let digits = (0..bits).map(|bit| a >> bit & 1);
    let count = |n: usize| n as u64;
    Some(match op {
        UnOp::Neg => cut(-i128::from(a), bits),
        UnOp::Not => cut(-1 - i128::from(a), bits),
        UnOp::Bswap => match bits {
            16 | 32 | 64 => (0..bits / 8).fold(0, |swapped, byte| swapped << 8 | (a >> (8 * byte) & 0xff)),
            _ => return None,
        },
        UnOp::Clz => count(digits.rev().take_while(|&digit| digit == 0).count()),
        UnOp::Ctz => count(digits.take_while(|&digit| digit == 0).count()),
        UnOp::Popcnt => digits.sum(),
    })
    .map(|result| cut(result.into(), bits))
}

/// A conversion between integers, or between integers and pointers.
#[must_use]
pub fn cast(op: CastOp, a: u64, from: Type, to: Type) -> u64 {
    match op {
        CastOp::Sext => cut(signed(a, from.bits()), to.bits()),
        CastOp::Zext | CastOp::PtrToInt | CastOp::IntToPtr | CastOp::Space => a,
        CastOp::Trunc => cut(a.into(), to.bits()),
    }
}

/// Whether a compare holds of two values of one width.
#[must_use]
pub fn holds(cond: Cond, a: u64, b: u64, bits: u8) -> bool {
    let (sa, sb) = (signed(a, bits), signed(b, bits));
    match cond {
        Cond::Eq => a == b,
        Cond::Ne => a != b,
        Cond::Ult => a < b,
        Cond::Ule => a <= b,
        Cond::Ugt => a > b,
        Cond::Uge => a >= b,
        Cond::Slt => sa < sb,
        Cond::Sle => sa <= sb,
        Cond::Sgt => sa > sb,
        Cond::Sge => sa >= sb,
        Cond::Set => a & b != 0,
        Cond::Clear => a & b == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::{binary, holds, unary};
    use skep_codegen::ir::{BinOp, Cond, UnOp};

    #[test]
    fn operations_of_two_integers() {
        let check = |op, bits, a, b, expected| {
            assert_eq!(binary(op, a, b, bits), expected, "{op:?} i{bits} {a:#x}, {b:#x}");
        };
        check(BinOp::Add, 8, 0xff, 2, 1);
        check(BinOp::Sub, 1, 0, 1, 1);
        check(BinOp::Mul, 64, u64::MAX, u64::MAX, 1);
        check(BinOp::Mul, 12, 0xfff, 0xfff, 1);
        check(BinOp::Udiv, 32, 7, 0, 0);
        check(BinOp::Urem, 32, 7, 0, 7);
        check(BinOp::Srem, 32, 0xffff_fff9, 0, 0xffff_fff9);
        check(BinOp::Sdiv, 8, 0x80, 0xff, 0x80);
        check(BinOp::Srem, 8, 0x80, 0xff, 0);
        check(BinOp::Sdiv, 64, 1 << 63, u64::MAX, 1 << 63);
        check(BinOp::Sdiv, 8, 0xf9, 2, 0xfd);
        check(BinOp::Srem, 8, 0xf9, 2, 0xff);
        check(BinOp::Shl, 8, 1, 9, 0);
        check(BinOp::Shl, 8, 1, 33, 2);
        check(BinOp::Shl, 40, 1, 33, 1 << 33);
        check(BinOp::Ashr, 8, 0x80, 12, 0xff);
        check(BinOp::Lshr, 64, 1 << 63, 64 + 63, 1);
    }

    #[test]
    fn operations_of_one_integer() {
        let check = |op, bits, a, expected| {
            assert_eq!(unary(op, a, bits), expected, "{op:?} i{bits} {a:#x}");
        };
        check(UnOp::Neg, 8, 1, Some(0xff));
        check(UnOp::Neg, 64, 1 << 63, Some(1 << 63));
        check(UnOp::Not, 12, 0x0f0, Some(0xf0f));
        check(UnOp::Bswap, 16, 0x1234, Some(0x3412));
        check(UnOp::Bswap, 8, 0x12, None);
        check(UnOp::Clz, 12, 1, Some(11));
        check(UnOp::Clz, 64, 0, Some(64));
        check(UnOp::Ctz, 32, 0, Some(32));
        check(UnOp::Ctz, 32, 0x50, Some(4));
        check(UnOp::Popcnt, 64, u64::MAX, Some(64));
        // The number of bits always fits.
        check(UnOp::Clz, 1, 0, Some(1));
    }

    #[test]
    fn compares() {
        assert!(holds(Cond::Slt, 0x80, 0x7f, 8) && !holds(Cond::Ult, 0x80, 0x7f, 8));
        assert!(holds(Cond::Set, 6, 3, 8) && holds(Cond::Clear, 4, 3, 8));
    }
}
