//! Instructions.

use skep_codegen::ir::{BinOp, Callee as IrCallee, CastOp, Cond, Op, Type};

use super::func::{Lower, Lowered};
use super::globals::{register, unsupported};
use super::memory;
use super::syntax::{Call, Callee, Inst, Kind, Ty, Typed, Val};
use super::{Res, layout};

/// A compare by its name in LLVM.
fn condition(name: &str) -> Option<Cond> {
    let name = match name {
        "ule" | "ult" | "uge" | "ugt" | "sle" | "slt" | "sge" | "sgt" | "eq" | "ne" => name,
        _ => return None,
    };
    Cond::from_name(name)
}

impl<'p, 'a> Lower<'_, 'p, 'a> {
    /// Translates an instruction that does not end its block.
    pub(super) fn inst(&mut self, inst: &'p Inst<'a>) -> Res<()> {
        let made = match &inst.kind {
            Kind::Alloca { ty, count, align } => {
                Some(Lowered::One(self.alloca(inst.dest, ty, count.as_ref(), *align)?))
            }
            Kind::Load { ty, ptr, memory } => Some(self.load(inst.dest, ty, ptr, memory)?),
            Kind::Store { value, ptr, memory } => {
                self.store(value, ptr, memory)?;
                None
            }
            Kind::Gep(gep) => Some(Lowered::One(self.gep(gep)?)),
            Kind::Bin { op, ty, a, b } => Some(self.binary(inst.dest, op, ty, a, b)?),
            Kind::Icmp { cond, ty, a, b } => Some(self.compare(inst.dest, cond, ty, a, b)?),
            Kind::Cast { op, from, to } => Some(Lowered::One(self.convert(op, from, to)?)),
            Kind::Select { cond, a, b } => {
                let cond = self.operand(cond)?;
                let (a, b) = (self.operand(a)?, self.operand(b)?);
                Some(Lowered::One(self.select(cond, a, b)))
            }
            Kind::Call(call) => self.call(inst, call)?,
            Kind::Rmw { op, ptr, value, memory } => Some(self.rmw(op, ptr, value, memory)?),
            Kind::CmpXchg { ptr, expected, new, memory } => Some(self.cmpxchg(ptr, expected, new, memory)?),
            Kind::Fence(order) => {
                self.effect(Op::Fence(memory::order(Some(order))));
                None
            }
            Kind::Extract { from, path } => {
                let mut value = self.value(from)?;
                for &index in path {
                    value = self.part(value, index)?;
                }
                Some(value)
            }
            Kind::Insert { into, value, path } => {
                let mut whole = self.value(into)?;
                let value = self.value(value)?;
                let mut part = &mut whole;
                for &index in path {
                    let Lowered::Many(parts) = part else { return Err(unsupported(&into.ty, inst.at)) };
                    let found = usize::try_from(index).ok().and_then(|index| parts.get_mut(index));
                    part = found.ok_or_else(|| unsupported(&into.ty, inst.at))?;
                }
                *part = value;
                Some(whole)
            }
            Kind::Freeze(value) => Some(self.value(value)?),
            _ => None,
        };
        if let (Some(dest), Some(made), false) = (inst.dest, made, matches!(inst.kind, Kind::Phi { .. })) {
            self.values.insert(dest, made);
        }
        Ok(())
    }

    fn part(&self, value: Lowered, index: u32) -> Res<Lowered> {
        let part = match value {
            Lowered::Many(parts) => {
                usize::try_from(index).ok().and_then(|index| parts.into_iter().nth(index))
            }
            _ => None,
        };
        part.ok_or_else(|| self.fault("there is no such part"))
    }

    fn binary(
        &mut self,
        dest: Option<&str>,
        op: &str,
        ty: &Ty<'a>,
        a: &Val<'a>,
        b: &Val<'a>,
    ) -> Res<Lowered> {
        if let (Val::Local(name), "xor", Val::Int(1)) = (a, op, b)
            && let Some(&Lowered::Compare(cond, x, y)) = self.values.get(name)
            && dest.is_some_and(|dest| self.only_branches(dest))
        {
            return Ok(Lowered::Compare(cond.inverse(), x, y));
        }
        let typed = |val: &Val<'a>| Typed { ty: ty.clone(), val: val.clone() };
        let (a, b) = (self.operand(&typed(a))?, self.operand(&typed(b))?);
        let Some(op) = BinOp::from_name(op) else {
            return Err(self.fault(&format!("operation '{op}' is not supported")));
        };
        Ok(Lowered::One(self.bin(op, a, b)))
    }

    fn compare(
        &mut self,
        dest: Option<&str>,
        cond: &str,
        ty: &Ty<'a>,
        a: &Val<'a>,
        b: &Val<'a>,
    ) -> Res<Lowered> {
        let typed = |val: &Val<'a>| Typed { ty: ty.clone(), val: val.clone() };
        let (a, b) = (self.operand(&typed(a))?, self.operand(&typed(b))?);
        let Some(cond) = condition(cond) else {
            return Err(self.fault(&format!("condition '{cond}' is not supported")));
        };
        if dest.is_some_and(|dest| self.only_branches(dest)) {
            return Ok(Lowered::Compare(cond, a, b));
        }
        Ok(Lowered::One(self.cmp(cond, a, b)))
    }

    fn convert(&mut self, op: &str, from: &Typed<'a>, to: &Ty<'a>) -> Res<skep_codegen::ir::Value> {
        let value = self.operand(from)?;
        let Some(to) = register(layout::resolve(self.parsed, to)) else {
            return Err(unsupported(to, self.at));
        };
        let is = self.func.ty(value);
        Ok(match op {
            // A 32-bit load of a pointer is one already.
            "zext" | "inttoptr" if is.is_ptr() => value,
            "zext" => self.resize(value, to, false),
            "sext" => self.resize(value, to, true),
            "trunc" => self.resize(value, to, false),
            "ptrtoint" => {
                let wide = self.cast(CastOp::PtrToInt, value, Type::I64);
                self.resize(wide, to, false)
            }
            "inttoptr" => {
                let wide = self.resize(value, Type::I64, false);
                self.cast(CastOp::IntToPtr, wide, to)
            }
            "addrspacecast" => self.cast(CastOp::Space, value, to),
            _ if is == to => value,
            _ => return Err(self.fault(&format!("cast '{op}' is not supported"))),
        })
    }

    fn call(&mut self, inst: &'p Inst<'a>, call: &Call<'a>) -> Res<Option<Lowered>> {
        let callee = match &call.callee {
            Callee::Asm { text, constraints, effects } => {
                return self.assembly(call, text, constraints, *effects);
            }
            Callee::Value(Val::Global(name)) if name.starts_with("llvm.") => {
                return self.intrinsic(inst, call, name);
            }
            Callee::Value(Val::Global("memcmp" | "bcmp")) if self.compared_bytes(call).is_some() => {
                let equal = inst.dest.is_some_and(|dest| self.only_equality(dest));
                return self.compare_bytes(call, equal).map(|value| Some(Lowered::One(value)));
            }
            Callee::Value(Val::Global(name)) => IrCallee::Symbol(self.symbols.find(name, self.at)?),
            Callee::Value(Val::Local(name)) if self.helpers.contains_key(name) => {
                self.helper(self.helpers[name])?
            }
            Callee::Value(val) => {
                let typed = Typed { ty: Ty::Ptr(0), val: val.clone() };
                match self.number(&typed) {
                    Some(number) => self.helper(number)?,
                    None => IrCallee::Value(self.operand(&typed)?),
                }
            }
        };
        let args = self.arguments(&call.args)?;
        let ty = match &call.ret {
            Ty::Void => None,
            ty => Some(register(ty).ok_or_else(|| unsupported(ty, self.at))?),
        };
        let result = self.func.push(self.block, Op::Call { callee, args }, ty, self.loc);
        Ok(ty.map(|_| Lowered::One(result)))
    }

    /// Whether a number is only compared with 0 for equality.
    fn only_equality(&self, dest: &str) -> bool {
        let user = self.only_user(dest).map(|user| &user.kind);
        matches!(user, Some(Kind::Icmp { cond: "eq" | "ne", b: Val::Int(0), .. }))
    }

    fn helper(&self, number: i64) -> Res<IrCallee> {
        u32::try_from(number)
            .map(IrCallee::Helper)
            .map_err(|_| self.fault(&format!("there is no helper {number}")))
    }
}
