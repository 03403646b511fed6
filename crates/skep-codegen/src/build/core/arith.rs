//! Operators: arithmetic, comparisons, casts.
//!
//! Operands have equal types, up to names; nothing is promoted. Arithmetic wraps at the width of its type, so that
//! `u8` stays `u8`. Division is BPF's: by zero it is zero, and the remainder is the dividend.

use skep_btf::TypeId;

use super::body::FuncBuilder;
use super::class::{Class, Shape};
use super::handle::{Ty, Value};
use crate::diag::Code;
use crate::ir::{self, BinOp, CastOp, Cond, Op, Type, UnOp};

/// An operator of two integers; the sign comes from their type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bin {
    /// `a + b`
    Add,
    /// `a - b`
    Sub,
    /// `a * b`
    Mul,
    /// `a / b`
    Div,
    /// `a % b`
    Rem,
    /// `a & b`, also of truth values.
    And,
    /// `a | b`, also of truth values.
    Or,
    /// `a ^ b`, also of truth values.
    Xor,
    /// `a << b`; the types may differ, and the amount counts modulo 64, of 32 bits and less modulo 32.
    Shl,
    /// `a >> b`; the same holds. The sign comes in if `a` is signed.
    Shr,
}

impl Bin {
    /// All of them.
    pub const ALL: &'static [Bin] =
        &[Bin::Add, Bin::Sub, Bin::Mul, Bin::Div, Bin::Rem, Bin::And, Bin::Or, Bin::Xor, Bin::Shl, Bin::Shr];

    const fn symbol(self) -> &'static str {
        match self {
            Bin::Add => "+",
            Bin::Sub => "-",
            Bin::Mul => "*",
            Bin::Div => "/",
            Bin::Rem => "%",
            Bin::And => "&",
            Bin::Or => "|",
            Bin::Xor => "^",
            Bin::Shl => "<<",
            Bin::Shr => ">>",
        }
    }

    const fn ir(self, signed: bool) -> BinOp {
        match (self, signed) {
            (Bin::Add, _) => BinOp::Add,
            (Bin::Sub, _) => BinOp::Sub,
            (Bin::Mul, _) => BinOp::Mul,
            (Bin::Div, false) => BinOp::Udiv,
            (Bin::Div, true) => BinOp::Sdiv,
            (Bin::Rem, false) => BinOp::Urem,
            (Bin::Rem, true) => BinOp::Srem,
            (Bin::And, _) => BinOp::And,
            (Bin::Or, _) => BinOp::Or,
            (Bin::Xor, _) => BinOp::Xor,
            (Bin::Shl, _) => BinOp::Shl,
            (Bin::Shr, false) => BinOp::Lshr,
            (Bin::Shr, true) => BinOp::Ashr,
        }
    }
}

/// A comparison; the sign comes from the type of its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cmp {
    /// `a == b`
    Eq,
    /// `a != b`
    Ne,
    /// `a < b`
    Lt,
    /// `a <= b`
    Le,
    /// `a > b`
    Gt,
    /// `a >= b`
    Ge,
}

impl Cmp {
    /// All of them.
    pub const ALL: &'static [Cmp] = &[Cmp::Eq, Cmp::Ne, Cmp::Lt, Cmp::Le, Cmp::Gt, Cmp::Ge];

    const fn ir(self, signed: bool) -> Cond {
        match (self, signed) {
            (Cmp::Eq, _) => Cond::Eq,
            (Cmp::Ne, _) => Cond::Ne,
            (Cmp::Lt, false) => Cond::Ult,
            (Cmp::Lt, true) => Cond::Slt,
            (Cmp::Le, false) => Cond::Ule,
            (Cmp::Le, true) => Cond::Sle,
            (Cmp::Gt, false) => Cond::Ugt,
            (Cmp::Gt, true) => Cond::Sgt,
            (Cmp::Ge, false) => Cond::Uge,
            (Cmp::Ge, true) => Cond::Sge,
        }
    }
}

impl FuncBuilder<'_> {
    /// `a op b` of two integers.
    #[track_caller]
    pub fn bin(&mut self, op: Bin, a: Value, b: Value) -> Value {
        self.m.here();
        let (Some((x, class)), Some((mut y, other))) = (self.operand(a), self.operand(b)) else {
            return Value::POISON;
        };
        let ty = match (class.shape, op) {
            (Shape::Int { bits, .. }, Bin::Shl | Bin::Shr) => {
                if !matches!(other.shape, Shape::Int { .. }) {
                    return self.bad_operands(op.symbol(), a, b);
                }
                y = self.resize(y, other, Type::Int(bits));
                Type::Int(bits)
            }
            (Shape::Int { bits, .. }, _) if same(class, other) => Type::Int(bits),
            (Shape::Bool, Bin::And | Bin::Or | Bin::Xor) if other.shape == Shape::Bool => Type::I1,
            _ => return self.bad_operands(op.symbol(), a, b),
        };
        let node = self.emit(Op::Bin(op.ir(class.is_signed()), x, y), Some(ty));
        self.value(node, a.ty)
    }

    /// `-a`
    #[track_caller]
    pub fn neg(&mut self, a: Value) -> Value {
        self.m.here();
        self.un(UnOp::Neg, "-", a)
    }

    /// `~a`, bit by bit.
    #[track_caller]
    pub fn complement(&mut self, a: Value) -> Value {
        self.m.here();
        self.un(UnOp::Not, "~", a)
    }

    /// Reverses the bytes of an integer of 16, 32 or 64 bits.
    #[track_caller]
    pub fn swap_bytes(&mut self, a: Value) -> Value {
        self.m.here();
        match self.operand(a) {
            Some((_, Class { shape: Shape::Int { bits: 16 | 32 | 64, .. }, .. })) => {
                self.un(UnOp::Bswap, "swap_bytes", a)
            }
            Some(_) => self.bad_operand("swap_bytes", a, "an integer of 16, 32 or 64 bits"),
            None => Value::POISON,
        }
    }

    /// How many zeros lead; for 0, as many as the type has bits.
    #[track_caller]
    pub fn leading_zeros(&mut self, a: Value) -> Value {
        self.m.here();
        self.un(UnOp::Clz, "leading_zeros", a)
    }

    /// How many zeros trail; for 0, as many as the type has bits.
    #[track_caller]
    pub fn trailing_zeros(&mut self, a: Value) -> Value {
        self.m.here();
        self.un(UnOp::Ctz, "trailing_zeros", a)
    }

    /// How many bits are one.
    #[track_caller]
    pub fn count_ones(&mut self, a: Value) -> Value {
        self.m.here();
        self.un(UnOp::Popcnt, "count_ones", a)
    }

    fn un(&mut self, op: UnOp, name: &str, a: Value) -> Value {
        let Some((x, class)) = self.operand(a) else { return Value::POISON };
        let Shape::Int { bits, .. } = class.shape else { return self.bad_operand(name, a, "an integer") };
        let node = self.emit(Op::Un(op, x), Some(Type::Int(bits)));
        self.value(node, a.ty)
    }

    /// Compares two integers, truth values or pointers; the answer is a truth value.
    #[track_caller]
    pub fn cmp(&mut self, cmp: Cmp, a: Value, b: Value) -> Value {
        self.m.here();
        let (Some((x, class)), Some((y, other))) = (self.operand(a), self.operand(b)) else {
            return Value::POISON;
        };
        if !same(class, other) {
            return self.bad_operands("compare", a, b);
        }
        self.compare(cmp.ir(class.is_signed()), x, y)
    }

    /// A compare, as a truth value.
    pub(super) fn compare(&mut self, cond: Cond, x: ir::Value, y: ir::Value) -> Value {
        let ty = self.m.rust_id::<bool>();
        let node = self.emit(Op::Cmp(cond, x, y), Some(Type::I1));
        self.value(node, ty)
    }

    /// `!a`: whether it is false, zero or null.
    #[track_caller]
    pub fn not(&mut self, a: Value) -> Value {
        self.m.here();
        match self.condition(a) {
            Some((cond, x, y)) => self.compare(cond.inverse(), x, y),
            None => Value::POISON,
        }
    }

    /// Whether a value is true, not zero, or not null: as a truth value.
    #[track_caller]
    pub fn truth(&mut self, a: Value) -> Value {
        self.m.here();
        match self.operand(a) {
            Some((_, Class { shape: Shape::Bool, .. })) => a,
            Some(_) => match self.condition(a) {
                Some((cond, x, y)) => self.compare(cond, x, y),
                None => Value::POISON,
            },
            None => Value::POISON,
        }
    }

    /// What is to be asked to know whether a value is true. The compare that made it, so that the branch has it.
    pub(super) fn condition(&mut self, a: Value) -> Option<(Cond, ir::Value, ir::Value)> {
        let (x, class) = self.operand(a)?;
        if let Op::Cmp(cond, left, right) = self.m.body.ir.node(x).op {
            return Some((cond, left, right));
        }
        let Some(ty) = class.ir() else {
            self.bad_operand("a condition", a, "a truth value, an integer or a pointer");
            return None;
        };
        let zero = self.number(0, ty);
        Some((Cond::Ne, x, zero))
    }

    /// `a` where the condition holds, else `b`; both have been calculated.
    #[track_caller]
    pub fn select(&mut self, cond: Value, a: Value, b: Value) -> Value {
        self.m.here();
        let cond = self.truth(cond);
        let (Some((c, _)), Some((x, class)), Some((y, other))) =
            (self.operand(cond), self.operand(a), self.operand(b))
        else {
            return Value::POISON;
        };
        if !self.compatible(a.ty, class, b.ty, other) {
            return self.bad_operands("select", a, b);
        }
        let node = self.emit(Op::Select(c, x, y), class.ir());
        self.value(node, a.ty)
    }

    /// Converts between integers, truth values and pointers as C does: a wider integer is filled by the sign of the
    /// old type, a narrower one is cut off.
    #[track_caller]
    pub fn cast(&mut self, a: Value, ty: Ty) -> Value {
        self.m.here();
        let Some(to) = self.m.type_id(ty) else { return Value::POISON };
        self.cast_to(a, to)
    }

    #[track_caller]
    pub(in crate::build) fn cast_to(&mut self, a: Value, to: TypeId) -> Value {
        let Some((x, class)) = self.operand(a) else { return Value::POISON };
        let target = self.m.class(to);
        let node = match (class.shape, target.shape) {
            (Shape::Bool, Shape::Bool) => x,
            (Shape::Bool | Shape::Int { .. }, Shape::Int { bits, .. }) => {
                self.resize(x, class, Type::Int(bits))
            }
            (_, Shape::Bool) => {
                let truth = self.truth(a);
                return Value { ty: to, ..truth };
            }
            (Shape::Ptr { .. }, Shape::Int { bits, .. }) => {
                let address = self.emit(Op::Cast(CastOp::PtrToInt, x), Some(Type::I64));
                if bits == 64 { address } else { self.emit(Op::Cast(CastOp::Trunc, address), target.ir()) }
            }
            (Shape::Int { .. }, Shape::Ptr { .. }) => {
                let wide = self.resize(x, class, Type::I64);
                self.emit(Op::Cast(CastOp::IntToPtr, wide), target.ir())
            }
            (Shape::Ptr { space: from, .. }, Shape::Ptr { space, .. }) => {
                if from == space {
                    x
                } else {
                    self.emit(Op::Cast(CastOp::Space, x), target.ir())
                }
            }
            _ => {
                let (from, to) = (self.m.type_name(a.ty), self.m.type_name(to));
                let message =
                    format!("{from} cannot be cast to {to}: only integers, truth values and pointers can");
                self.m.mistake(Code::TypeMismatch, message);
                return Value::POISON;
            }
        };
        self.value(node, to)
    }

    /// An integer or truth value as one of another width.
    pub(super) fn resize(&mut self, x: ir::Value, class: Class, to: Type) -> ir::Value {
        let from = class.ir().unwrap_or(to);
        let op = match from.bits().cmp(&to.bits()) {
            std::cmp::Ordering::Equal => return x,
            std::cmp::Ordering::Greater => CastOp::Trunc,
            std::cmp::Ordering::Less if class.is_signed() => CastOp::Sext,
            std::cmp::Ordering::Less => CastOp::Zext,
        };
        if let Some(number) = self.m.body.ir.as_const(x) {
            // Canonical numbers are sign-extended already.
            let number = if op == CastOp::Zext {
                (number.cast_unsigned() & from.mask()).cast_signed()
            } else {
                number
            };
            return self.number(number, to);
        }
        self.emit(Op::Cast(op, x), Some(to))
    }

    /// Whether a value of one type can stand where one of another is expected.
    pub(super) fn compatible(&mut self, a: TypeId, class: Class, b: TypeId, other: Class) -> bool {
        if a == b {
            return true;
        }
        let (Shape::Ptr { to, space }, Shape::Ptr { to: other_to, space: other_space }) =
            (class.shape, other.shape)
        else {
            return same(class, other);
        };
        let (to, other_to) = (self.m.class(to), self.m.class(other_to));
        if space != other_space {
            return false;
        }
        if to.bare == other_to.bare || to.shape == Shape::Void || other_to.shape == Shape::Void {
            return true;
        }
        let btf = self.m.ir.types.so_far();
        match (to.shape, other_to.shape) {
            (Shape::Int { .. }, Shape::Int { .. }) => to.shape == other_to.shape,
            (Shape::Composite | Shape::Opaque, Shape::Composite | Shape::Opaque) => {
                let name = btf.name(to.bare);
                !name.is_empty() && name == btf.name(other_to.bare)
            }
            (Shape::Ptr { .. }, Shape::Ptr { .. }) | (Shape::Func, Shape::Func) => true,
            (Shape::Array { len, .. }, Shape::Array { len: other_len, .. }) => {
                len == other_len && to.size == other_to.size
            }
            _ => false,
        }
    }

    #[cold]
    pub(super) fn bad_operand(&mut self, what: &str, a: Value, expected: &str) -> Value {
        let found = self.m.type_name(a.ty);
        self.m.mistake(Code::TypeMismatch, format!("{what} of {found}: expected {expected}"));
        Value::POISON
    }

    #[cold]
    pub(super) fn bad_operands(&mut self, what: &str, a: Value, b: Value) -> Value {
        let (left, right) = (self.m.type_name(a.ty), self.m.type_name(b.ty));
        let message =
            format!("{what} of {left} and {right}: the types do not fit together, cast one of them");
        self.m.mistake(Code::TypeMismatch, message);
        Value::POISON
    }
}

/// Whether two operands may be calculated with: equal integers up to names, truth values, pointers.
pub(super) fn same(a: Class, b: Class) -> bool {
    match (a.shape, b.shape) {
        (Shape::Ptr { space, .. }, Shape::Ptr { space: other, .. }) => space == other,
        (Shape::Int { .. } | Shape::Bool, _) => a.shape == b.shape,
        _ => false,
    }
}
