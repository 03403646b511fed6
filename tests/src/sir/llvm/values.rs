//! Operands, and the shorthand for making instructions.

use skep_codegen::ir::{BinOp, CastOp, Cond, Op, Type, Value, Values};

use super::func::{Lower, Lowered};
use super::globals::{Constant, register, unsupported};
use super::syntax::{Ty, Typed, Val};
use super::{Fault, Res, globals, layout};

impl<'a> Lower<'_, '_, 'a> {
    pub(super) fn fault(&self, message: &str) -> Fault {
        Fault { at: self.at, message: message.to_owned() }
    }

    /// Adds an instruction that makes a value.
    pub(super) fn push(&mut self, op: Op, ty: Type) -> Value {
        self.func.push(self.block, op, Some(ty), self.loc)
    }

    /// Adds an instruction that makes none.
    pub(super) fn effect(&mut self, op: Op) {
        self.func.push(self.block, op, None, self.loc);
    }

    pub(super) fn int(&mut self, ty: Type, number: i64) -> Value {
        self.push(Op::Const(ty.canonical(number)), ty)
    }

    pub(super) fn bin(&mut self, op: BinOp, a: Value, b: Value) -> Value {
        let ty = self.func.ty(a);
        self.push(Op::Bin(op, a, b), ty)
    }

    /// An operation with a number on the right.
    pub(super) fn bin_const(&mut self, op: BinOp, a: Value, b: i64) -> Value {
        let ty = self.func.ty(a);
        let b = self.int(ty, b);
        self.bin(op, a, b)
    }

    pub(super) fn cmp(&mut self, cond: Cond, a: Value, b: Value) -> Value {
        self.push(Op::Cmp(cond, a, b), Type::I1)
    }

    pub(super) fn select(&mut self, cond: Value, a: Value, b: Value) -> Value {
        let ty = self.func.ty(a);
        self.push(Op::Select(cond, a, b), ty)
    }

    /// A conversion; nothing if it changes nothing.
    pub(super) fn cast(&mut self, op: CastOp, value: Value, to: Type) -> Value {
        if self.func.ty(value) == to { value } else { self.push(Op::Cast(op, value), to) }
    }

    /// An integer as one of another width.
    pub(super) fn resize(&mut self, value: Value, to: Type, signed: bool) -> Value {
        let op = match (self.func.ty(value).bits() < to.bits(), signed) {
            (true, true) => CastOp::Sext,
            (true, false) => CastOp::Zext,
            (false, _) => CastOp::Trunc,
        };
        self.cast(op, value, to)
    }

    /// Any value as an `i64`.
    pub(super) fn as_int(&mut self, value: Value) -> Value {
        if self.func.ty(value).is_ptr() {
            return self.cast(CastOp::PtrToInt, value, Type::I64);
        }
        self.resize(value, Type::I64, false)
    }

    /// An operand that is one value.
    pub(super) fn operand(&mut self, typed: &Typed<'a>) -> Res<Value> {
        match self.value(typed)? {
            Lowered::One(value) => Ok(value),
            Lowered::Compare(cond, a, b) => Ok(self.cmp(cond, a, b)),
            Lowered::Many(_) => Err(unsupported(&typed.ty, self.at)),
        }
    }

    /// An operand, which may be a struct.
    pub(super) fn value(&mut self, typed: &Typed<'a>) -> Res<Lowered> {
        let ty = layout::resolve(self.parsed, &typed.ty);
        match &typed.val {
            Val::Local(name) => {
                let found = self.values.get(name).cloned();
                found.ok_or_else(|| self.fault(&format!("'{name}' is used before it is made")))
            }
            Val::List(items) => {
                let parts = items.iter().map(|item| self.value(item)).collect::<Res<_>>()?;
                Ok(Lowered::Many(parts))
            }
            Val::Undef | Val::Zero if matches!(ty, Ty::Struct { .. } | Ty::Array(..)) => self.zeros(ty),
            _ => {
                let Some(register) = register(ty) else { return Err(unsupported(ty, self.at)) };
                match (self.symbols.constant(typed, self.at), &typed.val) {
                    (Ok(constant), _) => Ok(Lowered::One(self.constant(constant, register))),
                    // What only the loader knows is computed.
                    (Err(_), Val::Bin(op, operands)) if BinOp::from_name(op).is_some() => {
                        let (a, b) = (self.operand(&operands.0)?, self.operand(&operands.1)?);
                        Ok(Lowered::One(self.bin(BinOp::from_name(op).unwrap_or(BinOp::Add), a, b)))
                    }
                    (Err(_), Val::Cast(from, to)) => {
                        let value = self.operand(from)?;
                        let whole = self.as_int(value);
                        let Some(to) = globals::register(to) else { return Err(unsupported(to, self.at)) };
                        let op = if to.is_ptr() { CastOp::IntToPtr } else { CastOp::Trunc };
                        Ok(Lowered::One(self.cast(op, whole, to)))
                    }
                    (Err(fault), _) => Err(fault),
                }
            }
        }
    }

    fn zeros(&mut self, ty: &Ty<'a>) -> Res<Lowered> {
        let parts = match layout::resolve(self.parsed, ty) {
            Ty::Array(len, elem) => (0..*len).map(|_| self.zeros(elem)).collect::<Res<_>>()?,
            Ty::Struct { fields, .. } => fields.iter().map(|field| self.zeros(field)).collect::<Res<_>>()?,
            ty => {
                let Some(register) = register(ty) else { return Err(unsupported(ty, self.at)) };
                return Ok(Lowered::One(self.int(register, 0)));
            }
        };
        Ok(Lowered::Many(parts))
    }

    fn constant(&mut self, constant: Constant, ty: Type) -> Value {
        match constant {
            Constant::Int(0) => self.int(ty, 0),
            Constant::Int(number) if ty.is_ptr() => {
                let number = self.int(Type::I64, number);
                self.cast(CastOp::IntToPtr, number, ty)
            }
            Constant::Int(number) => self.int(ty, number),
            Constant::Address(symbol, offset) => {
                let pointer = if ty.is_ptr() { ty } else { Type::PTR };
                let base = self.push(Op::Symbol(symbol), pointer);
                let address = self.offset(base, None, offset);
                if ty.is_ptr() { address } else { self.cast(CastOp::PtrToInt, address, ty) }
            }
        }
    }

    /// A pointer so many bytes on; the same one for none.
    pub(super) fn offset(&mut self, base: Value, index: Option<Value>, offset: i64) -> Value {
        if index.is_none() && offset == 0 {
            return base;
        }
        let ty = self.func.ty(base);
        self.push(Op::PtrAdd { base, index, offset }, ty)
    }

    /// The registers that arguments take.
    pub(super) fn arguments(&mut self, args: &[Typed<'a>]) -> Res<Values> {
        let mut out = Values::new();
        for arg in args {
            let value = self.value(arg)?;
            self.flatten(value, &mut out);
        }
        Ok(out)
    }

    fn flatten(&mut self, value: Lowered, out: &mut Values) {
        match value {
            Lowered::One(value) => out.push(value),
            Lowered::Compare(cond, a, b) => {
                let value = self.cmp(cond, a, b);
                out.push(value);
            }
            Lowered::Many(parts) => parts.into_iter().for_each(|part| self.flatten(part, out)),
        }
    }

    /// The number that an operand is.
    pub(super) fn number(&self, typed: &Typed<'a>) -> Option<i64> {
        match (&typed.val, self.symbols.constant(typed, self.at)) {
            (Val::Local(_), _) => None,
            (_, Ok(Constant::Int(number))) => Some(number),
            _ => None,
        }
    }
}
