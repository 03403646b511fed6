//! Operations that BPF does not have, made of those that it has.

use regalloc2::VReg;
use skep_insn::{AluOp, Width};

use super::{Select, SharedKind, def, read, same};
use crate::ir::{BinOp, Type, Value};
use crate::lower::machine::Kind;

impl Select<'_> {
    fn imm(&mut self, op: AluOp, width: Width, a: VReg, imm: i32) -> VReg {
        let d = self.temp();
        self.emit(Kind::AluImm(op, width, imm), &[same(d, 1), read(a)]);
        d
    }

    fn op(&mut self, op: AluOp, width: Width, a: VReg, b: VReg) -> VReg {
        let d = self.temp();
        self.emit(Kind::Alu(op, width), &[same(d, 1), read(a), read(b)]);
        d
    }

    fn op_into(&mut self, d: VReg, op: AluOp, width: Width, a: VReg, b: VReg) {
        self.emit(Kind::Alu(op, width), &[same(d, 1), read(a), read(b)]);
    }

    /// Signed division by division of magnitudes. Division by zero gives what it should: the quotient 0 stays 0
    /// whatever its sign, the remainder is the dividend. The magnitude of the least number is right as an unsigned one.
    pub(super) fn divide_signed_by_parts(&mut self, op: BinOp, ty: Type, d: VReg, a: Value, b: Value) {
        let width = self.width(ty);
        let top = i32::from(self.input.isa.container(ty)) - 1;
        let divisor = self.number(b);
        let a = self.with_sign(a);
        let sign_a = self.imm(AluOp::Arsh, width, a, top);
        let magnitude_a = self.magnitude(width, a, sign_a);
        let alu = if op == BinOp::Sdiv { AluOp::Div } else { AluOp::Mod };
        // The sign of the result; `None` if it is that of the dividend.
        let mut sign = sign_a;
        let quotient = match divisor.map(|number| (number, i32::try_from(number.unsigned_abs()))) {
            Some((number, Ok(imm))) => {
                if number < 0 && op == BinOp::Sdiv {
                    sign = self.imm(AluOp::Xor, width, sign_a, -1);
                }
                self.imm(alu, width, magnitude_a, imm)
            }
            _ => {
                let b = self.with_sign(b);
                let sign_b = self.imm(AluOp::Arsh, width, b, top);
                let magnitude_b = self.magnitude(width, b, sign_b);
                if op == BinOp::Sdiv {
                    sign = self.op(AluOp::Xor, width, sign_b, sign_a);
                }
                self.op(alu, width, magnitude_a, magnitude_b)
            }
        };
        let flipped = self.op(AluOp::Xor, width, quotient, sign);
        self.op_into(d, AluOp::Sub, width, flipped, sign);
    }

    /// `(a ^ sign) - sign`.
    fn magnitude(&mut self, width: Width, a: VReg, sign: VReg) -> VReg {
        let flipped = self.op(AluOp::Xor, width, a, sign);
        self.op(AluOp::Sub, width, flipped, sign)
    }

    /// All bits below the highest one are set; then zeros are what is left.
    pub(super) fn leading_zeros(&mut self, ty: Type, d: VReg, a: Value) {
        let (bits, width) = (ty.bits(), self.width(ty));
        let mut smeared = self.reg(a);
        let mut by = 1;
        while by < i32::from(bits) {
            let shifted = self.imm(AluOp::Rsh, width, smeared, by);
            smeared = self.op(AluOp::Or, width, shifted, smeared);
            by *= 2;
        }
        // Ones above the type do not count as zeros.
        let inverted = self.imm(AluOp::Xor, width, smeared, -1);
        let zeros = if bits == self.input.isa.container(ty) {
            inverted
        } else {
            let masked = self.temp();
            self.clean(masked, inverted, bits);
            masked
        };
        self.ones_of(d, zeros, bits, width);
    }

    /// The bits below the lowest one: `(a - 1) & !a`.
    pub(super) fn trailing_zeros(&mut self, ty: Type, d: VReg, a: Value) {
        let (bits, width) = (ty.bits(), self.width(ty));
        let a = self.reg(a);
        let minus_one = self.imm(AluOp::Add, width, a, -1);
        let inverted = self.imm(AluOp::Xor, width, a, -1);
        let below = self.op(AluOp::And, width, minus_one, inverted);
        let below = if bits == self.input.isa.container(ty) {
            below
        } else {
            let masked = self.temp();
            self.clean(masked, below, bits);
            masked
        };
        self.ones_of(d, below, bits, width);
    }

    pub(super) fn count_ones(&mut self, ty: Type, d: VReg, a: Value) {
        let a = self.reg(a);
        self.ones_of(d, a, ty.bits(), self.width(ty));
    }

    /// The number of ones of a value without ones above `bits`: sums of pairs, of fours, of bytes.
    fn ones_of(&mut self, d: VReg, a: VReg, bits: u8, width: Width) {
        if bits == 1 {
            return self.emit(Kind::Mov(Width::W64), &[def(d), read(a)]);
        }
        let pairs = self.imm(AluOp::Rsh, width, a, 1);
        let pairs = self.mask(AluOp::And, width, pairs, 0x5555_5555_5555_5555);
        let twos = self.op(AluOp::Sub, width, a, pairs);
        let high = self.imm(AluOp::Rsh, width, twos, 2);
        let high = self.mask(AluOp::And, width, high, 0x3333_3333_3333_3333);
        let low = self.mask(AluOp::And, width, twos, 0x3333_3333_3333_3333);
        let fours = self.op(AluOp::Add, width, low, high);
        let shifted = self.imm(AluOp::Rsh, width, fours, 4);
        let bytes = self.op(AluOp::Add, width, shifted, fours);
        let bytes = self.mask(AluOp::And, width, bytes, 0x0f0f_0f0f_0f0f_0f0f);
        if bits <= 8 {
            return self.emit(Kind::Mov(Width::W64), &[def(d), read(bytes)]);
        }
        // The product's highest byte is the sum of all bytes.
        let sum = self.mask(AluOp::Mul, width, bytes, 0x0101_0101_0101_0101);
        let by = if width == Width::W32 { 24 } else { 56 };
        self.emit(Kind::AluImm(AluOp::Rsh, width, by), &[same(d, 1), read(sum)]);
    }

    /// An operation with a constant that may not be an immediate.
    fn mask(&mut self, op: AluOp, width: Width, a: VReg, number: u64) -> VReg {
        let [b0, b1, b2, b3, ..] = number.to_le_bytes();
        let low = i32::from_le_bytes([b0, b1, b2, b3]);
        if width == Width::W32 {
            return self.imm(op, width, a, low);
        }
        let number = self.shared_reg(SharedKind::Number(number));
        self.op(op, width, a, number)
    }
}
