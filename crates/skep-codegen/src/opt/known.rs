//! What is known of integers: single bits, and bounds of the unsigned number.

use super::eval;
use crate::ir::{BinOp, CastOp, Cond, Func, Op, Type, UnOp, Value};

/// What is known of an integer, taken with zeros above its width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// Bits that are 0. Those above the width are.
    pub(crate) zeros: u64,
    /// Bits that are 1.
    pub(crate) ones: u64,
    /// The number is not smaller.
    pub(crate) min: u64,
    /// The number is not larger.
    pub(crate) max: u64,
}

impl Known {
    /// Nothing is known, besides the type.
    #[must_use]
    pub(crate) const fn nothing(ty: Type) -> Known {
        Known { zeros: !ty.mask(), ones: 0, min: 0, max: ty.mask() }
    }

    /// It is this number.
    #[must_use]
    pub(crate) const fn number(number: u64) -> Known {
        Known { zeros: !number, ones: number, min: number, max: number }
    }

    /// It lies between these, both included.
    #[must_use]
    pub(crate) const fn range(min: u64, max: u64) -> Known {
        Known { zeros: 0, ones: 0, min, max }.settled()
    }

    /// These bits are 0, those are 1.
    const fn of_bits(zeros: u64, ones: u64) -> Known {
        Known { zeros, ones, min: 0, max: u64::MAX }.settled()
    }

    /// The number, if there is but one.
    #[must_use]
    pub(crate) const fn as_number(self) -> Option<u64> {
        if self.min == self.max { Some(self.min) } else { None }
    }

    /// Whether the sign bit of a number of this type is 0.
    #[must_use]
    pub(crate) const fn is_nonnegative(self, ty: Type) -> bool {
        self.zeros >> (ty.bits() - 1) & 1 == 1
    }

    /// Bits that may be 1.
    #[must_use]
    pub(crate) const fn possible(self) -> u64 {
        !self.zeros
    }

    /// What both say holds: for a value that is one or the other.
    #[must_use]
    pub(crate) fn join(self, other: Known) -> Known {
        Known {
            zeros: self.zeros & other.zeros,
            ones: self.ones & other.ones,
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }

    /// What either says holds: for a value of which both are true.
    #[must_use]
    pub(crate) fn meet(self, other: Known) -> Known {
        let both = Known {
            zeros: self.zeros | other.zeros,
            ones: self.ones | other.ones,
            min: self.min.max(other.min),
            max: self.max.min(other.max),
        };
        // Two truths that exclude each other: code that is never reached. Either will do.
        if both.min > both.max || both.zeros & both.ones != 0 { self } else { both.settled() }
    }

    /// Bits told from bounds, and bounds from bits.
    const fn settled(self) -> Known {
        let Known { mut zeros, mut ones, mut min, mut max } = self;
        if min < ones {
            min = ones;
        }
        if max > !zeros {
            max = !zeros;
        }
        if min > max {
            return self;
        }
        // The leading bits in which both bounds agree are those of the number.
        let differing = min ^ max;
        let agreed = if differing == 0 { u64::MAX } else { !(u64::MAX >> differing.leading_zeros()) };
        zeros |= agreed & !min;
        ones |= agreed & min;
        Known { zeros, ones, min, max }
    }

    /// Cut to a width.
    const fn cut(self, ty: Type) -> Known {
        let mask = ty.mask();
        let (zeros, ones) = (self.zeros | !mask, self.ones & mask);
        if self.max <= mask {
            Known { zeros, ones, min: self.min, max: self.max }.settled()
        } else {
            Known::of_bits(zeros, ones)
        }
    }

    /// The answer of a compare of two numbers of a type, if it is known.
    #[must_use]
    pub(crate) fn compare(self, cond: Cond, other: Known, ty: Type) -> Option<bool> {
        let answer = |yes: bool, no: bool| {
            if yes {
                Some(true)
            } else if no {
                Some(false)
            } else {
                None
            }
        };
        let apart = self.max < other.min
            || other.max < self.min
            || self.ones & other.zeros != 0
            || self.zeros & other.ones != 0;
        let same = self.as_number().is_some() && self.as_number() == other.as_number();
        let disjoint = self.possible() & other.possible() == 0;
        let meeting = self.ones & other.ones != 0;
        match cond {
            Cond::Eq => answer(same, apart),
            Cond::Ne => answer(apart, same),
            Cond::Ult => answer(self.max < other.min, self.min >= other.max),
            Cond::Ule => answer(self.max <= other.min, self.min > other.max),
            Cond::Ugt | Cond::Uge => other.compare(cond.swapped(), self, ty),
            Cond::Set => answer(meeting, disjoint),
            Cond::Clear => answer(disjoint, meeting),
            Cond::Slt | Cond::Sle | Cond::Sgt | Cond::Sge => {
                let ((smin, smax), (omin, omax)) = (self.signed(ty), other.signed(ty));
                match cond {
                    Cond::Slt => answer(smax < omin, smin >= omax),
                    Cond::Sle => answer(smax <= omin, smin > omax),
                    Cond::Sgt => answer(smin > omax, smax <= omin),
                    _ => answer(smin >= omax, smax < omin),
                }
            }
        }
    }

    /// Bounds of the signed number of this type.
    #[must_use]
    pub(crate) fn signed(self, ty: Type) -> (i64, i64) {
        let sign = 1u64 << (ty.bits() - 1);
        let at = |number: u64| ty.canonical(number.cast_signed());
        if self.max < sign || self.min >= sign {
            (at(self.min), at(self.max))
        } else {
            (at(sign), at(sign - 1))
        }
    }
}

/// What an instruction tells of its value, given what is known of its operands.
#[must_use]
pub(crate) fn of(func: &Func, value: Value, known: impl Fn(Value) -> Known) -> Known {
    let node = func.node(value);
    let Some(ty) = node.ty else { return Known::nothing(Type::I64) };
    let nothing = Known::nothing(ty);
    match &node.op {
        Op::Const(number) => Known::number(eval::bits(ty, *number)),
        Op::Bin(op, a, b) => bin(*op, ty, known(*a), known(*b)).meet(nothing),
        Op::Un(op, a) => un(*op, ty, known(*a)).meet(nothing),
        Op::Cast(op, a) => cast(*op, func.ty(*a), ty, known(*a)),
        Op::Cmp(cond, a, b) => known(*a)
            .compare(*cond, known(*b), func.ty(*a))
            .map_or(nothing, |answer| Known::number(answer.into())),
        Op::Select(_, a, b) => known(*a).join(known(*b)),
        Op::Load { access, signed: false, .. } => {
            Known::range(0, Type::Int(access.width.bits()).mask()).meet(nothing)
        }
        _ => nothing,
    }
}

fn cast(op: CastOp, from: Type, to: Type, a: Known) -> Known {
    match op {
        CastOp::Zext => a,
        CastOp::Trunc => a.cut(to),
        CastOp::Sext => {
            let upper = to.mask() & !from.mask();
            if a.is_nonnegative(from) {
                a
            } else if a.ones >> (from.bits() - 1) & 1 == 1 {
                Known::of_bits(a.zeros & !upper, a.ones | upper)
            } else {
                Known { zeros: a.zeros & !upper, ..Known::nothing(to) }.meet(Known::nothing(to))
            }
        }
        CastOp::PtrToInt | CastOp::IntToPtr | CastOp::Space => Known::nothing(to),
    }
}

fn un(op: UnOp, ty: Type, a: Known) -> Known {
    let width = u64::from(ty.bits());
    match op {
        UnOp::Not => Known {
            zeros: a.ones | !ty.mask(),
            ones: a.zeros & ty.mask(),
            min: a.max ^ ty.mask(),
            max: a.min ^ ty.mask(),
        },
        UnOp::Neg => add(ty, Known::number(0), a, true),
        UnOp::Bswap => {
            let swap = |bits: u64| (bits << (64 - width)).swap_bytes();
            Known::of_bits(swap(a.zeros & ty.mask()) | !ty.mask(), swap(a.ones))
        }
        UnOp::Clz | UnOp::Ctz | UnOp::Popcnt => Known::range(0, width.min(ty.mask())),
    }
}

fn bin(op: BinOp, ty: Type, a: Known, b: Known) -> Known {
    let mask = ty.mask();
    match op {
        BinOp::Add => {
            let sum = add(ty, a, b, false);
            match (a.min.checked_add(b.min), a.max.checked_add(b.max)) {
                (Some(min), Some(max)) if max <= mask => sum.meet(Known::range(min, max)),
                _ => sum,
            }
        }
        BinOp::Sub => {
            let difference = add(ty, a, b, true);
            if a.min >= b.max {
                difference.meet(Known::range(a.min - b.max, a.max - b.min))
            } else {
                difference
            }
        }
        BinOp::Mul => {
            let even = (a.zeros.trailing_ones() + b.zeros.trailing_ones()).min(63);
            let product = Known::of_bits(((1 << even) - 1) | !mask, 0);
            match a.max.checked_mul(b.max) {
                Some(max) if max <= mask => product.meet(Known::range(a.min * b.min, max)),
                _ => product,
            }
        }
        // The kernel knows nothing of quotients and remainders: a test or mask behind one must stay for it.
        BinOp::Udiv | BinOp::Urem => Known::nothing(ty),
        BinOp::Sdiv | BinOp::Srem => Known::nothing(ty),
        BinOp::And => {
            Known { zeros: a.zeros | b.zeros, ones: a.ones & b.ones, min: 0, max: a.max.min(b.max) }.settled()
        }
        BinOp::Or => {
            Known { zeros: a.zeros & b.zeros, ones: a.ones | b.ones, min: a.min.max(b.min), max: mask }
                .settled()
        }
        BinOp::Xor => {
            Known::of_bits(a.zeros & b.zeros | a.ones & b.ones, a.zeros & b.ones | a.ones & b.zeros)
        }
        BinOp::Shl | BinOp::Lshr | BinOp::Ashr => shift(op, ty, a, b),
    }
}

fn shift(op: BinOp, ty: Type, a: Known, b: Known) -> Known {
    let mask = ty.mask();
    let Some(amount) = b.as_number().map(|amount| amount & eval::shift_mask(ty)) else {
        return match op {
            BinOp::Lshr => Known::range(0, a.max),
            BinOp::Ashr if a.is_nonnegative(ty) => Known::range(0, a.max),
            BinOp::Shl => Known::of_bits(((1 << a.zeros.trailing_ones().min(63)) - 1) | !mask, 0),
            _ => Known::nothing(ty),
        };
    };
    match op {
        BinOp::Shl if amount >= ty.bits().into() => Known::number(0),
        BinOp::Shl => {
            let low = (1 << amount) - 1;
            let bits = Known::of_bits(a.zeros << amount | low | !mask, a.ones << amount & mask);
            if a.max <= mask >> amount {
                bits.meet(Known::range(a.min << amount, a.max << amount))
            } else {
                bits
            }
        }
        BinOp::Lshr => Known::range(a.min >> amount, a.max >> amount)
            .meet(Known::of_bits(a.zeros >> amount | !(mask >> amount), a.ones >> amount)),
        _ if a.is_nonnegative(ty) => shift(BinOp::Lshr, ty, a, b),
        _ => Known::nothing(ty),
    }
}

/// Sum or difference, bit by bit: a bit is known where both operands and the carry are.
fn add(ty: Type, a: Known, b: Known, negate: bool) -> Known {
    let mask = ty.mask();
    let b = if negate { Known { zeros: b.ones, ones: b.zeros, ..b } } else { b };
    let carry = u64::from(negate);
    let largest = (!a.zeros).wrapping_add(!b.zeros).wrapping_add(carry);
    let smallest = a.ones.wrapping_add(b.ones).wrapping_add(carry);
    let carry_zero = !(largest ^ a.zeros ^ b.zeros);
    let carry_one = smallest ^ a.ones ^ b.ones;
    let known = (a.zeros | a.ones) & (b.zeros | b.ones) & (carry_zero | carry_one);
    Known::of_bits(!largest & known | !mask, smallest & known & mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All numbers of 4 bits that agree with what is known.
    fn numbers(known: Known) -> impl Iterator<Item = u64> {
        (0..16).filter(move |n| {
            n & known.zeros == 0 && !n & known.ones == 0 && (known.min..=known.max).contains(n)
        })
    }

    #[test]
    fn holds_for_all_numbers_of_four_bits() {
        let ty = Type::Int(4);
        let mut some = Vec::new();
        for zeros in 0..16u64 {
            for ones in (0..16u64).filter(|ones| ones & zeros == 0) {
                some.push(Known::of_bits(zeros | !15, ones));
            }
        }
        some.extend((0..16).flat_map(|min| (min..16).map(move |max| Known::range(min, max))));
        for &a in &some {
            for &b in &some {
                for &op in BinOp::ALL {
                    let result = bin(op, ty, a, b).meet(Known::nothing(ty));
                    for x in numbers(a) {
                        for y in numbers(b) {
                            let got = eval::bits(ty, eval::bin(op, ty, x.cast_signed(), y.cast_signed()));
                            assert!(numbers(result).any(|n| n == got), "{x} {op:?} {y} = {got}: {result:?}");
                        }
                    }
                }
                for &cond in Cond::ALL {
                    let Some(answer) = a.compare(cond, b, ty) else { continue };
                    for x in numbers(a) {
                        for y in numbers(b) {
                            assert_eq!(cond.holds(x, y, 4), answer, "{x} {cond:?} {y}");
                        }
                    }
                }
            }
            for &op in UnOp::ALL.iter().filter(|op| **op != UnOp::Bswap) {
                let result = un(op, ty, a).meet(Known::nothing(ty));
                for x in numbers(a) {
                    let got = eval::bits(ty, eval::un(op, ty, x.cast_signed()));
                    assert!(numbers(result).any(|n| n == got), "{op:?} {x} = {got}: {result:?}");
                }
            }
            for (op, from, to) in [
                (CastOp::Sext, ty, Type::I8),
                (CastOp::Trunc, ty, Type::Int(2)),
                (CastOp::Zext, ty, Type::I8),
            ] {
                let result = cast(op, from, to, a);
                for x in numbers(a) {
                    let got =
                        eval::bits(to, eval::cast(op, from, to, from.canonical(x.cast_signed())).unwrap());
                    let fits = got & result.zeros == 0
                        && !got & result.ones == 0
                        && (result.min..=result.max).contains(&got);
                    assert!(fits, "{op:?} {x} = {got}: {result:?}");
                }
            }
        }
    }
}
