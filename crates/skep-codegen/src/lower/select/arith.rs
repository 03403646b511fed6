//! Arithmetic and conversions.

use regalloc2::VReg;
use skep_insn::{AluOp, Endian, EndianOp, MemSize, Width};

use super::{NONE, Select, def, read, same};
use crate::ir::{BinOp, CastOp, Op, Space, Type, UnOp, Value};
use crate::lower::machine::Kind;

impl Select<'_> {
    pub(super) fn constant(&mut self, inst: Value, number: i64) {
        let d = self.result(inst);
        self.number_in(d, number, self.ty(inst));
    }

    pub(super) fn binary(&mut self, inst: Value, op: BinOp, a: Value, b: Value) {
        let d = self.result(inst);
        let ty = self.ty(inst);
        match op {
            BinOp::Add | BinOp::Mul => {
                let alu = if op == BinOp::Add { AluOp::Add } else { AluOp::Mul };
                let (a, b) = self.constant_last(a, b);
                match self.number(b).and_then(|number| i32::try_from(number).ok()) {
                    Some(imm) => self.alu_imm(alu, ty, d, a, imm),
                    None => self.alu_commuting(alu, inst, d, a, b),
                }
            }
            BinOp::Sub => match self.number(b).and_then(|number| i32::try_from(number.wrapping_neg()).ok()) {
                Some(imm) => self.alu_imm(AluOp::Add, ty, d, a, imm),
                None => self.alu(AluOp::Sub, ty, d, a, b),
            },
            BinOp::And => self.and(inst, d, a, b),
            BinOp::Or | BinOp::Xor => {
                let alu = if op == BinOp::Or { AluOp::Or } else { AluOp::Xor };
                let (a, b) = self.constant_last(a, b);
                match self.number(b).and_then(|number| self.input.isa.bit_immediate(ty, number)) {
                    Some(imm) => self.alu_imm(alu, ty, d, a, imm),
                    None => self.alu_commuting(alu, inst, d, a, b),
                }
            }
            BinOp::Shl => self.shift_left(ty, d, a, b),
            BinOp::Lshr => self.shift(AluOp::Rsh, ty, d, a, b),
            BinOp::Ashr => self.shift_right_signed(ty, d, a, b),
            BinOp::Udiv | BinOp::Urem => self.divide(op, ty, d, a, b),
            BinOp::Sdiv | BinOp::Srem => self.divide_signed(op, ty, d, a, b),
        }
    }

    /// The operands of a commuting operation; a constant comes last.
    fn constant_last(&self, a: Value, b: Value) -> (Value, Value) {
        if self.number(a).is_some() && self.number(b).is_none() { (b, a) } else { (a, b) }
    }

    fn alu_imm(&mut self, op: AluOp, ty: Type, d: VReg, a: Value, imm: i32) {
        let a = self.reg(a);
        self.emit(Kind::AluImm(op, self.width(ty), imm), &[same(d, 1), read(a)]);
    }

    fn alu(&mut self, op: AluOp, ty: Type, d: VReg, a: Value, b: Value) {
        let (a, b) = (self.reg(a), self.reg(b));
        self.emit(Kind::Alu(op, self.width(ty)), &[same(d, 1), read(a), read(b)]);
    }

    fn alu_commuting(&mut self, op: AluOp, inst: Value, d: VReg, a: Value, b: Value) {
        let ty = self.ty(inst);
        let (a, b) = self.overwritten_first(inst, a, b);
        self.alu(op, ty, d, a, b);
    }

    /// The operands of a commuting operation, so that the first one is best overwritten: what a loop carries by what
    /// it becomes, else one that nothing needs later.
    pub(super) fn overwritten_first(&mut self, inst: Value, a: Value, b: Value) -> (Value, Value) {
        let carried = self.carried[inst.0 as usize];
        let rank = |value: Value| {
            let resolved = self.resolve(value);
            if resolved.0 == carried {
                4
            } else if self.is_made_anew(value) {
                1
            } else if self.is_needed_later(resolved) {
                0
            } else if self.carried[resolved.0 as usize] == NONE {
                3
            } else {
                2
            }
        };
        let (a, b) = if rank(b) > rank(a) { (b, a) } else { (a, b) };
        let first = self.resolve(a);
        if carried != NONE && first.0 != carried && !self.is_needed_later(first) {
            self.carried[first.0 as usize] = carried;
        }
        (a, b)
    }

    fn and(&mut self, inst: Value, d: VReg, a: Value, b: Value) {
        let ty = self.ty(inst);
        let (a, b) = self.constant_last(a, b);
        let Some(number) = self.number(b) else { return self.alu_commuting(AluOp::And, inst, d, a, b) };
        if let Some(imm) = self.input.isa.bit_immediate(ty, number) {
            return self.alu_imm(AluOp::And, ty, d, a, imm);
        }
        let clean = number.cast_unsigned() & ty.mask();
        if (clean.wrapping_add(1)).is_power_of_two() {
            let a = self.reg(a);
            let bits = u8::try_from(clean.trailing_ones()).unwrap_or(64);
            return self.clean(d, a, bits);
        }
        if let Ok(low) = u32::try_from(clean)
            && self.input.isa.has_alu32()
        {
            // What it clears is cleared by any 32-bit operation.
            let a = self.reg(a);
            let kind = Kind::AluImm(AluOp::And, Width::W32, low.cast_signed());
            return self.emit(kind, &[same(d, 1), read(a)]);
        }
        self.alu_commuting(AluOp::And, inst, d, a, b);
    }

    /// Clears all bits of a register from `bits` on.
    pub(super) fn clean(&mut self, d: VReg, a: VReg, bits: u8) {
        let alu32 = self.input.isa.has_alu32();
        match bits {
            64.. => self.emit(Kind::Mov(Width::W64), &[def(d), read(a)]),
            32 if alu32 => self.emit(Kind::Mov(Width::W32), &[def(d), read(a)]),
            0..32 => {
                let width = if alu32 { Width::W32 } else { Width::W64 };
                self.emit(Kind::AluImm(AluOp::And, width, low_bits(bits)), &[same(d, 1), read(a)]);
            }
            _ => self.shift_twice(AluOp::Rsh, Width::W64, d, a, 64 - bits, 64 - bits),
        }
    }

    /// Shifts left and back.
    fn shift_twice(&mut self, back: AluOp, width: Width, d: VReg, a: VReg, left: u8, right: u8) {
        let middle = self.temp();
        self.emit(Kind::AluImm(AluOp::Lsh, width, left.into()), &[same(middle, 1), read(a)]);
        self.emit(Kind::AluImm(back, width, right.into()), &[same(d, 1), read(middle)]);
    }

    fn shift_left(&mut self, ty: Type, d: VReg, a: Value, b: Value) {
        if let Some(by) = self.number(b).map(|by| self.input.isa.shift_amount(ty, by))
            && let origin = self.input.graph.origin(a)
            && let Op::Cast(CastOp::Sext, narrow) = self.input.func.node(origin).op
            && self.resolve(origin) == origin
            && !self.live.is_needed(origin)
        {
            // It is extended by shifts, of which the second one stops earlier.
            let gap = self.input.isa.container(ty) - self.bits(narrow);
            if (1..gap).contains(&by) && !(self.input.isa.has_movsx() && self.bits(narrow).is_multiple_of(8))
            {
                let a = self.reg(narrow);
                return self.shift_twice(AluOp::Arsh, self.width(ty), d, a, gap, gap - by);
            }
        }
        self.shift(AluOp::Lsh, ty, d, a, b);
    }

    /// `shl` or `lshr`.
    fn shift(&mut self, op: AluOp, ty: Type, d: VReg, a: Value, b: Value) {
        match self.number(b) {
            Some(by) => {
                let by = self.input.isa.shift_amount(ty, by);
                self.alu_imm(op, ty, d, a, by.into());
            }
            None => {
                let a = self.reg(a);
                let by = self.amount(ty, b);
                self.emit(Kind::Alu(op, self.width(ty)), &[same(d, 1), read(a), read(by)]);
            }
        }
    }

    /// A variable shift amount; the machine takes it modulo its width, which may be more than the IR's.
    fn amount(&mut self, ty: Type, b: Value) -> VReg {
        let by = self.reg(b);
        if ty.bits() > 32 || self.input.isa.container(ty) == 32 {
            return by;
        }
        let masked = self.temp();
        self.emit(Kind::AluImm(AluOp::And, Width::W64, 31), &[same(masked, 1), read(by)]);
        masked
    }

    fn shift_right_signed(&mut self, ty: Type, d: VReg, a: Value, b: Value) {
        let (bits, whole) = (ty.bits(), self.input.isa.container(ty));
        match self.number(b).map(|by| self.input.isa.shift_amount(ty, by)) {
            Some(by) if bits == whole => self.alu_imm(AluOp::Arsh, ty, d, a, by.into()),
            Some(by) => {
                let a = self.reg(a);
                let gap = whole - bits;
                self.shift_twice(AluOp::Arsh, self.width(ty), d, a, gap, (gap + by).min(whole - 1));
            }
            None => {
                let a = self.with_sign(a);
                let by = self.amount(ty, b);
                self.emit(Kind::Alu(AluOp::Arsh, self.width(ty)), &[same(d, 1), read(a), read(by)]);
            }
        }
    }

    /// A value sign-extended to the width of its operations.
    pub(super) fn with_sign(&mut self, value: Value) -> VReg {
        let (func, ty) = (self.input.func, self.ty(value));
        let (bits, whole) = (ty.bits(), self.input.isa.container(ty));
        if bits == whole || self.input.widths.upper(func, value) < bits {
            return self.reg(value);
        }
        if let Some(number) = self.number(value) {
            let d = self.temp();
            self.number64_in(d, number.cast_unsigned());
            return d;
        }
        let a = self.reg(value);
        let d = self.temp();
        self.extend_sign(d, a, bits, whole);
        d
    }

    /// `d` is the low `bits` of `a`, sign-extended to `whole` bits.
    pub(super) fn extend_sign(&mut self, d: VReg, a: VReg, bits: u8, whole: u8) {
        let width = if whole == 32 { Width::W32 } else { Width::W64 };
        let size = match bits {
            8 => Some(MemSize::B),
            16 => Some(MemSize::H),
            32 => Some(MemSize::W),
            _ => None,
        };
        match size {
            Some(size) if self.input.isa.has_movsx() => {
                self.emit(Kind::MovSx(width, size), &[def(d), read(a)]);
            }
            _ => self.shift_twice(AluOp::Arsh, width, d, a, whole - bits, whole - bits),
        }
    }

    fn divide(&mut self, op: BinOp, ty: Type, d: VReg, a: Value, b: Value) {
        let alu = if op == BinOp::Udiv { AluOp::Div } else { AluOp::Mod };
        let whole = self.input.isa.container(ty);
        match self.number(b) {
            Some(0) => self.divide_by_zero(op, d, a),
            Some(number) => {
                let clean = number.cast_unsigned() & ty.mask();
                let imm = match u32::try_from(clean) {
                    Ok(low) if whole == 32 => Some(low.cast_signed()),
                    _ => i32::try_from(clean.cast_signed()).ok(),
                };
                match imm {
                    Some(imm) => self.alu_imm(alu, ty, d, a, imm),
                    None => self.alu(alu, ty, d, a, b),
                }
            }
            None => self.alu(alu, ty, d, a, b),
        }
    }

    fn divide_by_zero(&mut self, op: BinOp, d: VReg, a: Value) {
        if matches!(op, BinOp::Udiv | BinOp::Sdiv) {
            self.number64_in(d, 0);
        } else {
            let a = self.reg(a);
            self.emit(Kind::Mov(Width::W64), &[def(d), read(a)]);
        }
    }

    fn divide_signed(&mut self, op: BinOp, ty: Type, d: VReg, a: Value, b: Value) {
        if self.number(b) == Some(0) {
            return self.divide_by_zero(op, d, a);
        }
        if !self.input.isa.has_signed_division() {
            return self.divide_signed_by_parts(op, ty, d, a, b);
        }
        let alu = if op == BinOp::Sdiv { AluOp::SDiv } else { AluOp::SMod };
        let a = self.with_sign(a);
        match self.number(b).and_then(|number| i32::try_from(number).ok()) {
            Some(imm) => self.emit(Kind::AluImm(alu, self.width(ty), imm), &[same(d, 1), read(a)]),
            None => {
                let b = self.with_sign(b);
                self.emit(Kind::Alu(alu, self.width(ty)), &[same(d, 1), read(a), read(b)]);
            }
        }
    }

    pub(super) fn unary(&mut self, inst: Value, op: UnOp, a: Value) {
        let d = self.result(inst);
        let ty = self.ty(inst);
        match op {
            UnOp::Neg => {
                let a = self.reg(a);
                self.emit(Kind::Neg(self.width(ty)), &[same(d, 1), read(a)]);
            }
            UnOp::Not => {
                let imm = self.input.isa.bit_immediate(ty, -1).unwrap_or(-1);
                self.alu_imm(AluOp::Xor, ty, d, a, imm);
            }
            UnOp::Bswap => {
                let a = self.reg(a);
                let size = match ty.bits() {
                    16 => MemSize::H,
                    32 => MemSize::W,
                    _ => MemSize::DW,
                };
                let swap = match self.input.isa.endian {
                    _ if self.input.isa.has_movsx() => EndianOp::Bswap,
                    Endian::Little => EndianOp::Be,
                    Endian::Big => EndianOp::Le,
                };
                self.emit(Kind::Swap(swap, size), &[same(d, 1), read(a)]);
            }
            UnOp::Clz => self.leading_zeros(ty, d, a),
            UnOp::Ctz => self.trailing_zeros(ty, d, a),
            UnOp::Popcnt => self.count_ones(ty, d, a),
        }
    }

    pub(super) fn cast(&mut self, inst: Value, op: CastOp, a: Value) {
        match op {
            CastOp::Trunc => {
                let a = self.reg(a);
                let d = self.home(inst);
                self.clean(d, a, self.bits(inst));
            }
            CastOp::Sext => {
                let d = self.result(inst);
                let bits = self.bits(a);
                let a = self.reg(a);
                self.extend_sign(d, a, bits, self.input.isa.container(self.ty(inst)));
            }
            CastOp::Space => {
                let number = |ty: Type| u16::from(matches!(ty, Type::Ptr(Space::Arena)));
                let (to, from) = (number(self.ty(inst)), number(self.ty(a)));
                let d = self.result(inst);
                let a = self.reg(a);
                self.emit(Kind::Cast { to, from }, &[def(d), read(a)]);
            }
            // The operand's register.
            CastOp::Zext | CastOp::PtrToInt | CastOp::IntToPtr => {}
        }
    }
}

/// A number of fewer than 32 ones.
pub(super) fn low_bits(bits: u8) -> i32 {
    ((1_u32 << bits) - 1).cast_signed()
}
