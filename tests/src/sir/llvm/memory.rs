//! Memory: variables, loads, stores, addresses, atomic operations, copies.

use skep_codegen::ir::{Access, AtomicOp, BinOp, Cond, Op, Order, Type, Value, Width};

use super::func::{Lower, Lowered};
use super::globals::{register, unsupported};
use super::syntax::{Call, Gep, Inst, Kind, Memory, Ty, Typed, Val};
use super::{Res, layout};

/// An order by its name in LLVM; none is plain.
pub(super) fn order(name: Option<&str>) -> Order {
    match name {
        None | Some("plain" | "singlethread") => Order::Plain,
        Some("unordered" | "monotonic") => Order::Relaxed,
        Some("acquire") => Order::Acquire,
        Some("release") => Order::Release,
        Some("acq_rel") => Order::AcqRel,
        Some(_) => Order::SeqCst,
    }
}

impl<'a> Lower<'_, '_, 'a> {
    pub(super) fn alloca(
        &mut self,
        dest: Option<&str>,
        ty: &Ty<'a>,
        count: Option<&Typed<'a>>,
        align: u64,
    ) -> Res<Value> {
        let (size, natural) = layout::of(self.parsed, ty).ok_or_else(|| unsupported(ty, self.at))?;
        let count = match count {
            None => 1,
            Some(count) => {
                let number = self.number(count).and_then(|count| u64::try_from(count).ok());
                number.ok_or_else(|| self.fault("a stack frame whose size is not known is not supported"))?
            }
        };
        let size = size.saturating_mul(count);
        self.slot(dest, size, if align == 0 { natural } else { align })
    }

    fn access(&self, ty: &Ty<'a>, memory: &Memory<'_>) -> Res<Access> {
        let (size, natural) = layout::of(self.parsed, ty).ok_or_else(|| unsupported(ty, self.at))?;
        let width = Width::of_bytes(size).ok_or_else(|| unsupported(ty, self.at))?;
        let align = if memory.align == 0 { natural } else { memory.align };
        let align = u8::try_from(align.min(8)).unwrap_or(8);
        Ok(Access { width, volatile: memory.volatile, order: order(memory.order), align })
    }

    pub(super) fn load(
        &mut self,
        dest: Option<&'a str>,
        ty: &Ty<'a>,
        ptr: &Typed<'a>,
        memory: &Memory<'_>,
    ) -> Res<Lowered> {
        if let (Val::Global(name), Some(dest)) = (&ptr.val, dest)
            && let Some(number) = self.symbols.number(name)
        {
            self.helpers.insert(dest, number);
        }
        let ptr = self.operand(ptr)?;
        let resolved = layout::resolve(self.parsed, ty);
        if let Ty::Array(..) | Ty::Struct { .. } = resolved {
            return self.load_parts(resolved, ptr, memory);
        }
        let access = self.access(ty, memory)?;
        // What the context gives as 32 bits of a packet pointer: it is one from the start.
        if access.width == Width::W32 && dest.is_some_and(|dest| self.becomes_pointer(dest)) {
            let op = Op::Load { ptr, offset: 0, access, signed: false };
            return Ok(Lowered::One(self.push(op, Type::PTR)));
        }
        self.load_one(ty, ptr, access).map(Lowered::One)
    }

    fn load_one(&mut self, ty: &Ty<'a>, ptr: Value, access: Access) -> Res<Value> {
        let register = register(ty).ok_or_else(|| unsupported(ty, self.at))?;
        let whole = if register.is_ptr() { register } else { Type::Int(access.width.bits()) };
        let value = self.push(Op::Load { ptr, offset: 0, access, signed: false }, whole);
        Ok(if register.is_ptr() { value } else { self.resize(value, register, false) })
    }

    /// Whether a loaded number is extended to a pointer, and nothing else.
    fn becomes_pointer(&self, dest: &str) -> bool {
        let Some(Inst { kind: Kind::Cast { op: "zext", .. }, dest: Some(wide), .. }) = self.only_user(dest)
        else {
            return false;
        };
        matches!(
            self.only_user(wide),
            Some(Inst { kind: Kind::Cast { op: "inttoptr", to: Ty::Ptr(0), .. }, .. })
        )
    }

    fn load_parts(&mut self, ty: &Ty<'a>, ptr: Value, memory: &Memory<'_>) -> Res<Lowered> {
        let mut parts = Vec::new();
        for (offset, member) in self.members(ty)? {
            let ptr = self.offset(ptr, None, offset);
            parts.push(match layout::resolve(self.parsed, &member) {
                inner @ (Ty::Array(..) | Ty::Struct { .. }) => {
                    let inner = inner.clone();
                    self.load_parts(&inner, ptr, memory)?
                }
                _ => {
                    let access = self.access(&member, &Memory { align: 1, ..*memory })?;
                    Lowered::One(self.load_one(&member, ptr, access)?)
                }
            });
        }
        Ok(Lowered::Many(parts))
    }

    fn members(&self, ty: &Ty<'a>) -> Res<Vec<(i64, Ty<'a>)>> {
        let count = match ty {
            Ty::Array(len, _) => *len,
            Ty::Struct { fields, .. } => fields.len() as u64,
            _ => 0,
        };
        let count = i64::try_from(count).ok().filter(|&count| count <= 64);
        let count = count.ok_or_else(|| self.fault("a value of so many parts is not supported"))?;
        let member = |index| layout::member(self.parsed, ty, index).map(|(at, ty)| (at, ty.clone()));
        (0..count).map(|index| member(index).ok_or_else(|| unsupported(ty, self.at))).collect()
    }

    pub(super) fn store(&mut self, value: &Typed<'a>, ptr: &Typed<'a>, memory: &Memory<'_>) -> Res<()> {
        let lowered = self.value(value)?;
        let ptr = self.operand(ptr)?;
        self.store_value(&value.ty, lowered, ptr, memory)
    }

    pub(super) fn store_value(
        &mut self,
        ty: &Ty<'a>,
        value: Lowered,
        ptr: Value,
        memory: &Memory<'_>,
    ) -> Res<()> {
        match value {
            Lowered::Many(parts) => {
                let ty = layout::resolve(self.parsed, ty).clone();
                for ((offset, member), part) in self.members(&ty)?.into_iter().zip(parts) {
                    let ptr = self.offset(ptr, None, offset);
                    self.store_value(&member, part, ptr, &Memory { align: 1, ..*memory })?;
                }
            }
            Lowered::One(mut value) => {
                let access = self.access(ty, memory)?;
                if !self.func.ty(value).is_ptr() {
                    value = self.resize(value, Type::Int(access.width.bits()), false);
                }
                self.effect(Op::Store { ptr, offset: 0, value, access });
            }
            Lowered::Compare(cond, a, b) => {
                let value = Lowered::One(self.cmp(cond, a, b));
                self.store_value(ty, value, ptr, memory)?;
            }
        }
        Ok(())
    }

    pub(super) fn gep(&mut self, gep: &Gep<'a>) -> Res<Value> {
        let base = self.operand(&gep.base)?;
        let (mut offset, mut index) = (0i64, None);
        let mut ty = &gep.of;
        for (depth, step) in gep.indices.iter().enumerate() {
            if depth > 0
                && let Ty::Struct { .. } = layout::resolve(self.parsed, ty)
            {
                let number = self.number(step).ok_or_else(|| self.fault("a member without a number"))?;
                let place = layout::member(self.parsed, ty, number);
                let (at, member) = place.ok_or_else(|| unsupported(ty, self.at))?;
                (offset, ty) = (offset.wrapping_add(at), member);
                continue;
            }
            if depth > 0 {
                let Ty::Array(_, elem) = layout::resolve(self.parsed, ty) else {
                    return Err(unsupported(ty, self.at));
                };
                ty = elem;
            }
            let size = layout::size(self.parsed, ty).and_then(|size| i64::try_from(size).ok());
            let size = size.ok_or_else(|| unsupported(ty, self.at))?;
            if let Some(number) = self.number(step) {
                offset = offset.wrapping_add(number.wrapping_mul(size));
                continue;
            }
            let step = self.operand(step)?;
            let step = self.resize(step, Type::I64, true);
            let step = self.scaled(step, size);
            index = Some(match index {
                None => step,
                Some(before) => self.bin(BinOp::Add, before, step),
            });
        }
        Ok(self.offset(base, index, offset))
    }

    /// An index in bytes.
    fn scaled(&mut self, index: Value, size: i64) -> Value {
        match size {
            1 => index,
            size if size > 0 && size.count_ones() == 1 => {
                self.bin_const(BinOp::Shl, index, size.trailing_zeros().into())
            }
            size => self.bin_const(BinOp::Mul, index, size),
        }
    }

    pub(super) fn rmw(
        &mut self,
        op: &str,
        ptr: &Typed<'a>,
        value: &Typed<'a>,
        memory: &Memory<'_>,
    ) -> Res<Lowered> {
        let name = match op {
            "min" => "smin",
            "max" => "smax",
            other => other,
        };
        let Some(op) = AtomicOp::from_name(name) else {
            return Err(self.fault(&format!("atomic operation '{op}' is not supported")));
        };
        let access = self.access(&value.ty, memory)?;
        let (ptr, value) = (self.operand(ptr)?, self.operand(value)?);
        let ty = self.func.ty(value);
        let value = self.atomic_operand(value);
        let old = self.push(Op::Atomic { op, ptr, offset: 0, value, access }, Type::Int(access.width.bits()));
        Ok(Lowered::One(self.atomic_result(old, ty)))
    }

    /// Atomic operations work on integers.
    fn atomic_operand(&mut self, value: Value) -> Value {
        if self.func.ty(value).is_ptr() { self.as_int(value) } else { value }
    }

    fn atomic_result(&mut self, value: Value, ty: Type) -> Value {
        if ty.is_ptr() { self.cast(skep_codegen::ir::CastOp::IntToPtr, value, ty) } else { value }
    }

    pub(super) fn cmpxchg(
        &mut self,
        ptr: &Typed<'a>,
        expected: &Typed<'a>,
        new: &Typed<'a>,
        memory: &Memory<'_>,
    ) -> Res<Lowered> {
        let access = self.access(&new.ty, memory)?;
        let ptr = self.operand(ptr)?;
        let (expected, new) = (self.operand(expected)?, self.operand(new)?);
        let ty = self.func.ty(new);
        let (expected, new) = (self.atomic_operand(expected), self.atomic_operand(new));
        let op = Op::CmpXchg { ptr, offset: 0, expected, new, access };
        let old = self.push(op, Type::Int(access.width.bits()));
        let done = self.cmp(Cond::Eq, old, expected);
        let old = self.atomic_result(old, ty);
        Ok(Lowered::Many(vec![Lowered::One(old), Lowered::One(done)]))
    }

    /// `memcpy`, `memmove`: destination, source, size, volatile.
    pub(super) fn copy(&mut self, args: &[Typed<'a>], aligns: [u64; 2], overlap: bool) -> Res<()> {
        let [dst, src, size, ..] = args else { return Err(self.fault("a copy lacks arguments")) };
        let size = self.number(size).and_then(|size| u32::try_from(size).ok());
        let size =
            size.ok_or_else(|| self.fault("a copy of a size that is not constant is not supported"))?;
        let (dst, src) = (self.operand(dst)?, self.operand(src)?);
        let align = |align: u64| u8::try_from(align.clamp(1, 8)).unwrap_or(1);
        let [dst_align, src_align] = aligns.map(align);
        if size == 0 {
            return Ok(());
        }
        if !overlap {
            self.effect(Op::Copy { dst, src, size, align: dst_align.min(src_align) });
            return Ok(());
        }
        // All is read before anything is written.
        let between = self.slot(None, size.into(), 8)?;
        self.effect(Op::Copy { dst: between, src, size, align: src_align });
        self.effect(Op::Copy { dst, src: between, size, align: dst_align });
        Ok(())
    }

    /// `memset`: destination, byte, size, volatile.
    pub(super) fn fill(&mut self, args: &[Typed<'a>], align: u64) -> Res<()> {
        let [dst, byte, size, ..] = args else { return Err(self.fault("a fill lacks arguments")) };
        let size = self.number(size).and_then(|size| u32::try_from(size).ok());
        let size =
            size.ok_or_else(|| self.fault("a fill of a size that is not constant is not supported"))?;
        let align = u8::try_from(align.clamp(1, 8)).unwrap_or(1);
        let constant = self.number(byte);
        let dst = self.operand(dst)?;
        if size == 0 {
            return Ok(());
        }
        if let Some(byte) = constant {
            let byte = byte.to_le_bytes()[0];
            self.effect(Op::Fill { dst, byte, size, align });
            return Ok(());
        }
        let byte = self.operand(byte)?;
        let wide = self.resize(byte, Type::I64, false);
        let all = self.bin_const(BinOp::Mul, wide, 0x0101_0101_0101_0101);
        let mut at = 0;
        while at < size {
            let left = size - at;
            let mut width = [Width::W64, Width::W32, Width::W16].into_iter();
            let width = width
                .find(|width| u32::from(width.bytes()) <= left && width.bytes() <= align)
                .unwrap_or(Width::W8);
            let access = Access { align: width.bytes().min(align), ..Access::plain(width) };
            let offset = i32::try_from(at).unwrap_or(i32::MAX);
            self.effect(Op::Store { ptr: dst, offset, value: all, access });
            at += u32::from(width.bytes());
        }
        Ok(())
    }

    /// How many bytes a `memcmp` compares, if they are few.
    pub(super) fn compared_bytes(&self, call: &Call<'a>) -> Option<i32> {
        let size = self.number(call.args.get(2)?)?;
        i32::try_from(size).ok().filter(|size| (0..=128).contains(size))
    }

    /// `memcmp`, which clang's back end expands, too; with `equal`, only whether the result is 0 matters.
    pub(super) fn compare_bytes(&mut self, call: &Call<'a>, equal: bool) -> Res<Value> {
        let size = self.compared_bytes(call).unwrap_or(0);
        let [a, b, ..] = call.args.as_slice() else { return Err(self.fault("a compare lacks arguments")) };
        let (a, b) = (self.operand(a)?, self.operand(b)?);
        if !equal {
            // From the last byte to the first: the first difference wins.
            let mut result = self.int(Type::I32, 0);
            for offset in (0..size).rev() {
                let [x, y] = [a, b].map(|ptr| self.load_piece(ptr, offset, Width::W8, Type::I32));
                let difference = self.bin(BinOp::Sub, x, y);
                let differs = self.cmp(Cond::Ne, x, y);
                result = self.select(differs, difference, result);
            }
            return Ok(result);
        }
        let mut differences = self.int(Type::I64, 0);
        let mut offset = 0;
        while offset < size {
            let fits = |width: &Width| i32::from(width.bytes()) <= size - offset;
            let width = [Width::W64, Width::W32, Width::W16].into_iter().find(fits).unwrap_or(Width::W8);
            let [x, y] = [a, b].map(|ptr| self.load_piece(ptr, offset, width, Type::I64));
            let difference = self.bin(BinOp::Xor, x, y);
            differences = self.bin(BinOp::Or, differences, difference);
            offset += i32::from(width.bytes());
        }
        let zero = self.int(Type::I64, 0);
        let differ = self.cmp(Cond::Ne, differences, zero);
        Ok(self.resize(differ, Type::I32, false))
    }

    /// Loads a few bytes of which no alignment is known.
    fn load_piece(&mut self, ptr: Value, offset: i32, width: Width, ty: Type) -> Value {
        let access = Access { align: 1, ..Access::plain(width) };
        self.push(Op::Load { ptr, offset, access, signed: false }, ty)
    }
}
