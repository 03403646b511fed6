//! Functions that LLVM knows by name.

use skep_codegen::ir::{BinOp, Cond, Op, Type, UnOp, Value};

use super::func::{Lower, Lowered};
use super::syntax::{Call, Gep, Inst, Ty, Typed, Val};
use super::{Res, layout};

impl<'p, 'a> Lower<'_, 'p, 'a> {
    pub(super) fn intrinsic(
        &mut self,
        inst: &'p Inst<'a>,
        call: &Call<'a>,
        name: &str,
    ) -> Res<Option<Lowered>> {
        // `llvm.umin.i32`: the types behind are those of the arguments.
        let base = name.trim_start_matches("llvm.");
        let is = |prefix: &str| base == prefix || base.starts_with(&format!("{prefix}."));
        let align = |index: usize| call.attrs.get(index).map_or(0, |attrs| attrs.align);
        const NOTHING: [&str; 9] = [
            "lifetime",
            "dbg",
            "assume",
            "donothing",
            "prefetch",
            "experimental.noalias.scope.decl",
            "var.annotation",
            "invariant.start",
            "invariant.end",
        ];
        if NOTHING.iter().any(|nothing| is(nothing)) {
            return Ok(None);
        }
        if is("memcpy") || is("memmove") {
            self.copy(&call.args, [align(0), align(1)], is("memmove"))?;
            return Ok(None);
        }
        if is("memset") {
            self.fill(&call.args, align(0))?;
            return Ok(None);
        }
        if is("trap") || is("debugtrap") {
            // What follows is `unreachable`.
            return Ok(None);
        }
        if is("preserve.struct.access.index")
            || is("preserve.union.access.index")
            || is("preserve.array.access.index")
        {
            return self.access_index(inst, call, base).map(Some);
        }
        if is("bpf.preserve.field.info") {
            return self.field_info(call).map(Some);
        }
        if is("bpf.btf.type.id") || is("bpf.preserve.type.info") {
            return self.type_info(inst, call, is("bpf.btf.type.id")).map(Some);
        }
        if is("bpf.preserve.enum.value") {
            return self.enum_value(inst, call).map(Some);
        }
        if is("is.constant") {
            return Ok(Some(Lowered::One(self.int(Type::I1, 0))));
        }
        if is("objectsize") {
            let least = call.args.get(1).and_then(|arg| self.number(arg)) == Some(1);
            return Ok(Some(Lowered::One(self.int(Type::I64, if least { 0 } else { -1 }))));
        }
        if let Some(width) =
            ["byte", "half", "word"].iter().position(|width| is(&format!("bpf.load.{width}")))
        {
            return self.packet_load(&call.args, [8, 16, 32][width]).map(Some);
        }
        let args = self.arguments(&call.args)?;
        let made = match *args.as_slice() {
            [a, ..] if is("expect") || is("expect.with.probability") || is("ssa.copy") => Some(a),
            [_, b] if is("bpf.passthrough") => Some(self.pin(b)),
            [a] => self.unary(a, &is),
            [a, _] if is("ctlz") || is("cttz") || is("abs") => self.unary(a, &is),
            [a, b] if base.contains(".with.overflow") => return self.overflow(base, a, b).map(Some),
            [a, b] => self.two(a, b, &is),
            [a, b, c] if is("fshl") || is("fshr") => Some(self.funnel(a, b, c, is("fshl"))),
            _ => None,
        };
        match made {
            Some(value) => Ok(Some(Lowered::One(value))),
            None => Err(self.fault(&format!("intrinsic '{name}' is not supported"))),
        }
    }

    pub(super) fn pin(&mut self, value: Value) -> Value {
        let ty = self.func.ty(value);
        self.push(Op::Pin(value), ty)
    }

    fn unary(&mut self, a: Value, is: &impl Fn(&str) -> bool) -> Option<Value> {
        let ty = self.func.ty(a);
        let known =
            [("bswap", UnOp::Bswap), ("ctpop", UnOp::Popcnt), ("ctlz", UnOp::Clz), ("cttz", UnOp::Ctz)];
        if let Some((_, op)) = known.iter().find(|(name, _)| is(name)) {
            return Some(self.push(Op::Un(*op, a), ty));
        }
        if is("abs") {
            let negative = self.push(Op::Un(UnOp::Neg, a), ty);
            let zero = self.int(ty, 0);
            let below = self.cmp(Cond::Slt, a, zero);
            return Some(self.select(below, negative, a));
        }
        None
    }

    fn two(&mut self, a: Value, b: Value, is: &impl Fn(&str) -> bool) -> Option<Value> {
        let ty = self.func.ty(a);
        let picks = [("umin", Cond::Ult), ("umax", Cond::Ugt), ("smin", Cond::Slt), ("smax", Cond::Sgt)];
        if let Some((_, cond)) = picks.iter().find(|(name, _)| is(name)) {
            let first = self.cmp(*cond, a, b);
            return Some(self.select(first, a, b));
        }
        if is("usub.sat") {
            let less = self.cmp(Cond::Ult, a, b);
            let (zero, rest) = (self.int(ty, 0), self.bin(BinOp::Sub, a, b));
            return Some(self.select(less, zero, rest));
        }
        if is("uadd.sat") {
            let sum = self.bin(BinOp::Add, a, b);
            let over = self.cmp(Cond::Ult, sum, a);
            let most = self.int(ty, -1);
            return Some(self.select(over, most, sum));
        }
        None
    }

    /// `fshl`: the high half of two words that are shifted left together; `fshr`: the low half, shifted right.
    fn funnel(&mut self, high: Value, low: Value, by: Value, left: bool) -> Value {
        let ty = self.func.ty(high);
        let bits = i64::from(ty.bits());
        let by = self.bin_const(BinOp::Urem, by, bits);
        let width = self.int(ty, bits);
        let rest = self.bin(BinOp::Sub, width, by);
        let (up, down) = if left { (by, rest) } else { (rest, by) };
        let shifted_up = self.bin(BinOp::Shl, high, up);
        let shifted_down = self.bin(BinOp::Lshr, low, down);
        let both = self.bin(BinOp::Or, shifted_up, shifted_down);
        let zero = self.int(ty, 0);
        let none = self.cmp(Cond::Eq, by, zero);
        self.select(none, if left { high } else { low }, both)
    }

    /// `sadd.with.overflow`: the wrapped result, and whether it is wrong.
    fn overflow(&mut self, base: &str, a: Value, b: Value) -> Res<Lowered> {
        let ty = self.func.ty(a);
        let zero = self.int(ty, 0);
        let (result, over) = match base.split('.').next().unwrap_or_default() {
            "uadd" => {
                let sum = self.bin(BinOp::Add, a, b);
                (sum, self.cmp(Cond::Ult, sum, a))
            }
            "usub" => (self.bin(BinOp::Sub, a, b), self.cmp(Cond::Ult, a, b)),
            // The sign of the result differs from those of both operands.
            "sadd" => {
                let sum = self.bin(BinOp::Add, a, b);
                let (x, y) = (self.bin(BinOp::Xor, sum, a), self.bin(BinOp::Xor, sum, b));
                let both = self.bin(BinOp::And, x, y);
                (sum, self.cmp(Cond::Slt, both, zero))
            }
            "ssub" => {
                let rest = self.bin(BinOp::Sub, a, b);
                let (x, y) = (self.bin(BinOp::Xor, a, b), self.bin(BinOp::Xor, rest, a));
                let both = self.bin(BinOp::And, x, y);
                (rest, self.cmp(Cond::Slt, both, zero))
            }
            op @ ("umul" | "smul") => {
                let signed = op == "smul";
                let product = self.bin(BinOp::Mul, a, b);
                let over = if ty.bits() <= 32 {
                    let (a, b) = (self.resize(a, Type::I64, signed), self.resize(b, Type::I64, signed));
                    let whole = self.bin(BinOp::Mul, a, b);
                    let cut = self.resize(product, Type::I64, signed);
                    self.cmp(Cond::Ne, whole, cut)
                } else {
                    self.product_is_cut(product, a, b, signed)
                };
                (product, over)
            }
            _ => return Err(self.fault(&format!("intrinsic 'llvm.{base}' is not supported"))),
        };
        Ok(Lowered::Many(vec![Lowered::One(result), Lowered::One(over)]))
    }

    /// Dividing a product by a factor that is not zero gives the other one, unless the product was cut.
    fn product_is_cut(&mut self, product: Value, a: Value, b: Value, signed: bool) -> Value {
        let ty = self.func.ty(a);
        let op = if signed { BinOp::Sdiv } else { BinOp::Udiv };
        let quotient = self.bin(op, product, a);
        let mut cut = self.cmp(Cond::Ne, quotient, b);
        if signed {
            // MIN / -1 wraps to MIN again.
            let (minus_one, min) = (self.int(ty, -1), self.int(ty, i64::MIN >> (64 - ty.bits())));
            let negated = self.cmp(Cond::Eq, a, minus_one);
            let least = self.cmp(Cond::Eq, b, min);
            let both = self.bin(BinOp::And, negated, least);
            cut = self.bin(BinOp::Or, cut, both);
        }
        let zero = self.int(ty, 0);
        let some = self.cmp(Cond::Ne, a, zero);
        self.bin(BinOp::And, cut, some)
    }

    /// The address of a member: base, index in the type, index in the source.
    fn access_index(&mut self, inst: &Inst<'a>, call: &Call<'a>, base: &str) -> Res<Lowered> {
        let offset = self.access_offset(call, base)?;
        let path = offset.and_then(|offset| self.step(inst, call, base, offset));
        let (Some(path), Some(dest)) = (path, inst.dest) else {
            return self.plain_access(call, base).map(Lowered::One);
        };
        let pointer = if self.is_between(dest) {
            // Nobody looks at it.
            Lowered::Many(Vec::new())
        } else {
            Lowered::One(self.follow(&path)?)
        };
        self.paths.insert(dest, path);
        Ok(pointer)
    }

    /// How many bytes a step goes, if that is constant.
    fn access_offset(&self, call: &Call<'a>, base: &str) -> Res<Option<i64>> {
        if base.contains("union") {
            return Ok(Some(0));
        }
        let gep = self.access_gep(call, base)?;
        let mut offset = 0i64;
        let mut ty = &gep.of;
        for (depth, index) in gep.indices.iter().enumerate() {
            let Some(index) = self.number(index) else { return Ok(None) };
            if depth == 0 {
                let size = layout::size(self.parsed, ty).and_then(|size| i64::try_from(size).ok());
                offset += size.unwrap_or(0).wrapping_mul(index);
            } else {
                let Some((at, member)) = layout::member(self.parsed, ty, index) else { return Ok(None) };
                (offset, ty) = (offset.wrapping_add(at), member);
            }
        }
        Ok(Some(offset))
    }

    fn plain_access(&mut self, call: &Call<'a>, base: &str) -> Res<Value> {
        if base.contains("union") {
            let Some(pointer) = call.args.first() else { return Err(self.fault("an access without a base")) };
            return self.operand(pointer);
        }
        let gep = self.access_gep(call, base)?;
        self.gep(&gep)
    }

    /// The same as address arithmetic.
    fn access_gep(&self, call: &Call<'a>, base: &str) -> Res<Gep<'a>> {
        let element = call.attrs.first().and_then(|attrs| attrs.element.clone());
        let of = element.ok_or_else(|| self.fault("an access without the type of its base"))?;
        let (Some(pointer), Some(index)) = (call.args.first(), call.args.get(1)) else {
            return Err(self.fault("an access without a base or an index"));
        };
        let zero = Typed { ty: Ty::Int(32), val: Val::Int(0) };
        let indices = if base.contains("array") {
            // How many dimensions there are, then the index. With none, the pointer is the array.
            let dimensions = self.number(index).and_then(|number| usize::try_from(number).ok()).unwrap_or(0);
            let last = call.args.get(2).cloned().ok_or_else(|| self.fault("an access without an index"))?;
            let mut indices = vec![zero; dimensions];
            indices.push(last);
            indices
        } else {
            vec![zero, index.clone()]
        };
        Ok(Gep { of, base: pointer.clone(), indices })
    }
}
