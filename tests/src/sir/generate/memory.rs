//! Memory: pointers, accesses, calls that are handed pointers.

use skep_codegen::ir::{
    Access, AtomicOp, BinOp, Callee, CastOp, Cond, Edge, Op, Order, Term, Type, Value, Values, Width,
};

use super::{Link, PASSED, Pointer, Profile, Table, Writer, int_type, small};

impl Writer<'_> {
    /// Some pointer with that much room behind it.
    pub(super) fn pointer(&mut self, room: u32, writable: bool) -> Option<Pointer> {
        let fits = |p: &&Pointer| p.room >= room && (p.writable || !writable);
        let fitting: Vec<Pointer> = self.pointers.iter().filter(fits).copied().collect();
        (!fitting.is_empty()).then(|| self.random.pick(&fitting))
    }

    /// Writes all that a pointer has room for, in one of several ways.
    pub(super) fn write_all(&mut self, to: Pointer) {
        let align = super::small_u8(to.align.min(8) as usize);
        if self.random.once_in(3) {
            let byte = self.random.bits().to_le_bytes()[0];
            self.push(Op::Fill { dst: to.value, byte, size: to.room, align }, None);
            return;
        }
        let mut at = 0;
        while at < to.room {
            let fits = |width: &&Width| {
                u32::from(width.bytes()) <= to.room - at && at.is_multiple_of(u32::from(width.bytes()))
            };
            let widths: Vec<Width> = Width::ALL.iter().filter(fits).copied().collect();
            let width =
                if self.random.once_in(4) { self.random.pick(&widths) } else { widths[widths.len() - 1] };
            let value = self.int(Type::Int(width.bits()));
            let access = Access { align: align.min(width.bytes()), ..Access::plain(width) };
            self.push(Op::Store { ptr: to.value, offset: at.cast_signed(), value, access }, None);
            at += u32::from(width.bytes());
        }
    }

    /// Makes a pointer from another.
    pub(super) fn point(&mut self) {
        match self.random.below(8) {
            0 | 1 => self.point_to_variable(),
            2 => self.unbox(),
            3 => self.choose(),
            4 => self.distance(),
            5 if self.profile == Profile::User => self.through_integer(),
            _ => {
                let Some(base) = self.pointer(2, false) else { return };
                let pointer = self.moved(base, base.room - 1);
                self.pointers.push(pointer);
            }
        }
    }

    /// A pointer that is further by a constant, a variable, or both; at most by `most`.
    fn moved(&mut self, base: Pointer, most: u32) -> Pointer {
        let offset = if self.random.once_in(2) { small(self.random.below(most as usize + 1)) } else { 0 };
        let (index, reach, step) = match self.random.once_in(2) {
            true => self.index(most - offset),
            false => (None, 0, 64),
        };
        // A constant may also be subtracted from what is known to be further.
        let op = Op::PtrAdd { base: base.value, index, offset: offset.into() };
        let value = self.push(op, Some(Type::PTR));
        let align = base.align.min(step).min(1 << offset.trailing_zeros().min(6));
        Pointer { value, room: base.room - offset - reach, align, ..base }
    }

    /// A number of bytes up to `most`, as an `i64`: how far it may reach, and what it is a multiple of.
    fn index(&mut self, most: u32) -> (Option<Value>, u32, u32) {
        if most == 0 {
            return (None, 0, 64);
        }
        // The largest mask that stays inside, without some of its low bits.
        let all = (most + 1).next_power_of_two() >> u32::from(!(most + 1).is_power_of_two());
        let low = self.random.pick(&[1, 1, 4, 8]).min(all);
        let mask = (all - 1) & !(low - 1);
        let narrow = self.random.once_in(3);
        let ty = if narrow { Type::I32 } else { Type::I64 };
        let number = self.int(ty);
        let constant = self.constant(ty, mask.into());
        let masked = self.push(Op::Bin(BinOp::And, number, constant), Some(ty));
        (Some(self.as_index(masked)), mask, low)
    }

    fn point_to_variable(&mut self) {
        let world = self.world;
        if world.variables.is_empty() {
            return;
        }
        if let Some(link) = world.links.first()
            && self.random.once_in(3)
        {
            return self.follow(link);
        }
        let index = self.random.below(world.variables.len());
        let variable = &world.variables[index];
        let (room, align, writable) = (variable.size, variable.align, !variable.read_only);
        let value = self.push(Op::Symbol(variable.id), Some(Type::PTR));
        let region = 1_000_000 + small(index);
        self.pointers.push(Pointer { value, room, align, writable, region });
    }

    /// Loads the pointer to a variable that another variable holds.
    fn follow(&mut self, link: &Link) {
        let at = self.push(Op::Symbol(link.id), Some(Type::PTR));
        let op = Op::Load { ptr: at, offset: 0, access: Access::plain(Width::W64), signed: false };
        let value = self.push(op, Some(Type::PTR));
        let variable = &self.world.variables[link.to];
        let align = variable.align.min(1 << link.addend.trailing_zeros().min(6));
        let (room, writable) = (variable.size - link.addend, !variable.read_only);
        let region = 1_000_000 + small(link.to);
        self.pointers.push(Pointer { value, room, align, writable, region });
    }

    /// Loads a pointer from a slot, or stores another one there.
    fn unbox(&mut self) {
        if self.boxes.is_empty() {
            return;
        }
        let (slot, pointer) = self.boxes[self.random.below(self.boxes.len())];
        let ptr = self.push(Op::Slot(slot), Some(Type::PTR));
        let op = Op::Load { ptr, offset: 0, access: Access::plain(Width::W64), signed: false };
        let value = self.push(op, Some(Type::PTR));
        self.pointers.push(Pointer { value, ..pointer });
    }

    /// One of two pointers.
    fn choose(&mut self) {
        let (Some(a), Some(b)) = (self.pointer(1, false), self.pointer(1, false)) else { return };
        if self.profile == Profile::Kernel && a.region != b.region {
            return; // the verifier wants one instruction to have one kind of pointer
        }
        let c = self.int(Type::I1);
        let value = self.push(Op::Select(c, a.value, b.value), Some(Type::PTR));
        let (room, align) = (a.room.min(b.room), a.align.min(b.align));
        let writable = a.writable && b.writable;
        let region = if a.region == b.region { a.region } else { self.region() };
        self.pointers.push(Pointer { value, room, align, writable, region });
    }

    /// A pointer that was a number for a while.
    fn through_integer(&mut self) {
        let Some(pointer) = self.pointer(1, false) else { return };
        let number = self.push(Op::Cast(CastOp::PtrToInt, pointer.value), Some(Type::I64));
        let value = self.push(Op::Cast(CastOp::IntToPtr, number), Some(Type::PTR));
        self.pointers.push(Pointer { value, ..pointer });
    }

    fn distance(&mut self) {
        let Some(a) = self.pointer(0, false) else { return };
        let same: Vec<Value> =
            self.pointers.iter().filter(|b| b.region == a.region).map(|b| b.value).collect();
        let b = self.random.pick(&same);
        let value = match self.profile == Profile::User && self.random.once_in(2) {
            true => {
                let a = self.push(Op::Cast(CastOp::PtrToInt, a.value), Some(Type::I64));
                let b = self.push(Op::Cast(CastOp::PtrToInt, b), Some(Type::I64));
                self.push(Op::Bin(BinOp::Sub, a, b), Some(Type::I64))
            }
            false => self.push(Op::PtrDiff(a.value, b), Some(Type::I64)),
        };
        self.ints.push(value);
    }

    /// Reads or writes memory.
    pub(super) fn access(&mut self) {
        match self.random.below(22) {
            20 | 21 if self.depth < 4 => self.guarded(),
            0..8 => self.load(),
            8..14 => self.store(),
            14 | 15 => self.atomic(),
            16 => self.compare_and_exchange(),
            17 => self.fill(),
            _ => self.copy(),
        }
    }

    /// A place for so many bytes: a pointer, a constant beyond it, and the alignment there.
    fn place(&mut self, bytes: u32, writable: bool) -> Option<(Pointer, u32, u32)> {
        let base = self.pointer(bytes, writable)?;
        let base = match self.random.once_in(3) {
            true => self.moved(base, base.room - bytes),
            false => base,
        };
        let offset = match self.random.below(3) {
            0 => 0,
            1 => small(self.random.below((base.room - bytes) as usize + 1)),
            _ => small(self.random.below((base.room - bytes) as usize + 1)) / bytes * bytes,
        };
        let align = base.align.min(1 << offset.trailing_zeros().min(6));
        Some((base, offset, align))
    }

    fn how(&mut self, width: Width, align: u32) -> Access {
        let known = super::small_u8(align.min(8) as usize);
        let align = known.min(width.bytes());
        let ordered = align == width.bytes() && self.random.once_in(16);
        let order = if ordered { Order::Relaxed } else { Order::Plain };
        Access { width, volatile: self.random.once_in(12), order, align }
    }

    fn load(&mut self) {
        let width = self.random.pick(Width::ALL);
        let Some((ptr, offset, align)) = self.place(width.bytes().into(), false) else { return };
        let mut access = self.how(width, align);
        if access.order != Order::Plain && self.random.once_in(2) {
            access.order = Order::Acquire;
        }
        let ty = match int_type(self.random) {
            ty if ty.bits() >= width.bits() => ty,
            _ => Type::Int(width.bits()),
        };
        let signed = self.random.once_in(3);
        let op = Op::Load { ptr: ptr.value, offset: offset.cast_signed(), access, signed };
        let value = self.push(op, Some(ty));
        self.ints.push(value);
    }

    fn store(&mut self) {
        let width = self.random.pick(Width::ALL);
        let Some((ptr, offset, align)) = self.place(width.bytes().into(), true) else { return };
        let mut access = self.how(width, align);
        if access.order != Order::Plain && self.random.once_in(2) {
            access.order = Order::Release;
        }
        let ty = match int_type(self.random) {
            ty if ty.bits() >= width.bits() => ty,
            _ => Type::Int(width.bits()),
        };
        let value = self.int(ty);
        self.push(Op::Store { ptr: ptr.value, offset: offset.cast_signed(), value, access }, None);
        if self.random.once_in(3) {
            // What was stored is loaded again, whole or in part.
            let width =
                self.random.pick(&Width::ALL[..=Width::ALL.iter().position(|&w| w == width).unwrap_or(0)]);
            let access = Access { align: access.align.min(width.bytes()), ..Access::plain(width) };
            let op = Op::Load {
                ptr: ptr.value,
                offset: offset.cast_signed(),
                access,
                signed: self.random.once_in(2),
            };
            let value = self.push(op, Some(Type::I64));
            self.ints.push(value);
        }
    }

    /// An access at an index that a compare has bounded: what the verifier must still see behind all passes.
    fn guarded(&mut self) {
        let width = self.random.pick(Width::ALL);
        let bytes: u32 = width.bytes().into();
        let Some(base) = self.pointer(bytes, true) else { return };
        let ty = self.random.pick(&[Type::I32, Type::I64]);
        let index = self.int(ty);
        let index = match self.random.once_in(2) {
            // A small number, so that the guard lets some through.
            true => {
                let mask = self.constant(ty, 0x3f);
                self.push(Op::Bin(BinOp::And, index, mask), Some(ty))
            }
            false => index,
        };
        let end = self.constant(ty, (base.room - bytes + 1).into());
        let (inside, behind) = (self.block(), self.block());
        let types = self.types(1);
        let cond = self.random.pick(&[Cond::Ult, Cond::Ugt]);
        let (then, other) = (Edge::to(inside), self.edge(behind, &types));
        let term = match cond {
            Cond::Ult => Term::Branch { cond, a: index, b: end, then, other },
            _ => Term::Branch { cond, a: end, b: index, then, other },
        };
        self.end(term);
        self.scoped(|w| {
            w.at = inside;
            let index = w.as_index(index);
            let op = Op::PtrAdd { base: base.value, index: Some(index), offset: 0 };
            let ptr = w.push(op, Some(Type::PTR));
            let access = Access { align: 1, ..Access::plain(width) };
            if w.random.once_in(2) {
                let value = w.int(Type::Int(width.bits()));
                w.push(Op::Store { ptr, offset: 0, value, access }, None);
            }
            let op = Op::Load { ptr, offset: 0, access, signed: w.random.once_in(3) };
            let value = w.push(op, Some(Type::I64));
            w.ints.push(value);
            let edge = w.edge(behind, &types);
            w.end(Term::Jump(edge));
        });
        self.join(behind, &types);
    }

    /// An unsigned number as an index.
    fn as_index(&mut self, number: Value) -> Value {
        match self.func.ty(number) {
            Type::I64 => number,
            _ => self.push(Op::Cast(CastOp::Zext, number), Some(Type::I64)),
        }
    }

    /// A place that an atomic operation may change.
    fn atomic_place(&mut self) -> Option<(Pointer, i32, Access)> {
        let width = self.random.pick(&[Width::W32, Width::W64]);
        let bytes: u32 = width.bytes().into();
        let (ptr, offset, align) = self.place(bytes, true)?;
        if align < bytes {
            return None;
        }
        let order =
            self.random.pick(&[Order::Relaxed, Order::Acquire, Order::Release, Order::AcqRel, Order::SeqCst]);
        let access = Access { order, ..Access::plain(width) };
        Some((ptr, offset.cast_signed(), access))
    }

    fn atomic(&mut self) {
        let Some((ptr, offset, access)) = self.atomic_place() else { return };
        let op = self.random.pick(AtomicOp::ALL);
        let ty = Type::Int(access.width.bits());
        let value = self.int(ty);
        let result = self.push(Op::Atomic { op, ptr: ptr.value, offset, value, access }, Some(ty));
        if self.random.once_in(2) {
            self.ints.push(result);
        }
    }

    fn compare_and_exchange(&mut self) {
        let Some((ptr, offset, access)) = self.atomic_place() else { return };
        let ty = Type::Int(access.width.bits());
        let expected = match self.random.once_in(2) {
            // What stands there.
            true => {
                let access = Access::plain(access.width);
                self.push(Op::Load { ptr: ptr.value, offset, access, signed: false }, Some(ty))
            }
            false => self.int(ty),
        };
        let new = self.int(ty);
        let result = self.push(Op::CmpXchg { ptr: ptr.value, offset, expected, new, access }, Some(ty));
        if self.random.once_in(2) {
            self.ints.push(result);
        }
    }

    fn fill(&mut self) {
        let size = 1 + small(self.random.below(24));
        let Some(to) = self.pointer(size, true) else { return };
        let to = self.moved(to, to.room - size);
        let align = super::small_u8(to.align.min(8) as usize);
        let byte = self.random.bits().to_le_bytes()[0];
        self.push(Op::Fill { dst: to.value, byte, size, align }, None);
    }

    fn copy(&mut self) {
        let size = 1 + small(self.random.below(24));
        let (Some(from), Some(to)) = (self.pointer(size, false), self.pointer(size, true)) else { return };
        // Pointers of one region may meet; what came from outside may be anything's.
        if from.region == to.region || self.may_meet(from, to) {
            return;
        }
        let (from, to) = (self.moved(from, from.room - size), self.moved(to, to.room - size));
        let align = super::small_u8(from.align.min(to.align).min(8) as usize);
        self.push(Op::Copy { dst: to.value, src: from.value, size, align }, None);
    }

    /// Only slots of this function, and variables, are surely apart from each other.
    fn may_meet(&self, a: Pointer, b: Pointer) -> bool {
        let known = |p: Pointer| self.known.contains(&p.region) || p.region >= 1_000_000;
        !(known(a) && known(b))
    }

    /// Looks something up in a map, or puts something there.
    pub(super) fn use_map(&mut self) {
        let world = self.world;
        let Some(slot) = self.key else { return };
        let map = &world.maps[self.random.below(world.maps.len())];
        let (ty, width) = if map.is_array { (Type::I32, Width::W32) } else { (Type::I64, Width::W64) };
        let number = self.int(ty);
        // An array has four elements: now and then one is asked for that it has not.
        let most = if map.is_array { 7 } else { 3 };
        let mask = self.constant(ty, most);
        let number = self.push(Op::Bin(BinOp::And, number, mask), Some(ty));
        let key = self.push(Op::Slot(slot), Some(Type::PTR));
        self.push(Op::Store { ptr: key, offset: 0, value: number, access: Access::plain(width) }, None);
        let handle = self.push(Op::Symbol(map.id), Some(Type::PTR));
        if self.random.once_in(2)
            && let Some(value) = self.pointer(map.value, false)
        {
            let flags = self.constant(Type::I64, 0);
            let args = [handle, key, value.value, flags].into_iter().collect();
            let result = self.push(Op::Call { callee: Callee::Helper(2), args }, Some(Type::I64));
            self.ints.push(result);
            return;
        }
        let args = [handle, key].into_iter().collect();
        let value = self.push(Op::Call { callee: Callee::Helper(1), args }, Some(Type::PTR));
        let null = self.push(Op::Const(0), Some(Type::PTR));
        let (found, behind) = (self.block(), self.block());
        let types = self.types(2);
        let (then, other) = (Edge::to(found), self.edge(behind, &types));
        self.end(Term::Branch { cond: Cond::Ne, a: value, b: null, then, other });
        self.scoped(|w| {
            w.at = found;
            let region = w.region();
            // Nothing else is done here: an update could take the value away.
            let pointers = std::mem::take(&mut w.pointers);
            w.pointers.push(Pointer { value, room: map.value, align: 8, writable: true, region });
            for _ in 0..1 + w.random.below(4) {
                match w.random.below(5) {
                    0 | 1 => w.load(),
                    2 | 3 => w.store(),
                    _ => w.atomic(),
                }
            }
            w.pointers = pointers;
            let edge = w.edge(behind, &types);
            w.end(Term::Jump(edge));
        });
        self.join(behind, &types);
    }

    /// Many values that live at the same time.
    pub(super) fn press(&mut self) {
        let mut values = Vec::new();
        for _ in 0..8 + self.random.below(10) {
            let ty = int_type(self.random);
            let (a, b) = (self.int(ty), self.int(ty));
            values.push(self.push(Op::Bin(BinOp::Xor, a, b), Some(ty)));
        }
        if self.random.once_in(2) {
            self.call();
        }
        let mut sum = self.constant(Type::I64, 0);
        while !values.is_empty() {
            let value = values.swap_remove(self.random.below(values.len()));
            let value = self.as_type(value, Type::I64);
            let op = self.random.pick(&[BinOp::Add, BinOp::Sub, BinOp::Xor, BinOp::Mul]);
            sum = self.push(Op::Bin(op, sum, value), Some(Type::I64));
        }
        self.ints.push(sum);
    }

    /// Calls a function that stands behind this one, or this one again.
    pub(super) fn call(&mut self) {
        if let Some(depth) = self.own
            && self.rounds == 1
            && self.random.once_in(2)
        {
            self.own = None;
            let (id, sig) = (self.func.symbol, self.func.sig.clone());
            let Some(mut args) = self.arguments(&sig.params) else { return };
            args[0] = depth;
            let value = self.push(Op::Call { callee: Callee::Symbol(id), args }, sig.ret);
            self.ints.extend(sig.ret.map(|_| value));
            return;
        }
        let world = self.world;
        if world.callees.is_empty() {
            return;
        }
        if let Some(table) = &world.table
            && self.random.once_in(3)
        {
            return self.call_from(table);
        }
        let callee = &world.callees[self.random.below(world.callees.len())];
        let (cost, id, sig, recursive) = (callee.cost, callee.id, callee.sig.clone(), callee.recursive);
        let times = self.rounds * if recursive { 4 } else { 1 };
        if self.cost + times * cost > self.most() {
            return;
        }
        let Some(mut args) = self.arguments(&sig.params) else { return };
        self.cost += times * cost;
        if recursive {
            let depth = i64::try_from(self.random.below(4)).expect("small");
            args[0] = self.constant(Type::I32, depth);
        }
        let callee = match self.profile == Profile::User && sig.params.len() <= 5 && self.random.once_in(6) {
            true => Callee::Value(self.push(Op::Symbol(id), Some(Type::PTR))),
            false => Callee::Symbol(id),
        };
        let value = self.push(Op::Call { callee, args }, sig.ret);
        self.ints.extend(sig.ret.map(|_| value));
    }

    /// Instructions that a function may execute, with those that it calls.
    fn most(&self) -> usize {
        match self.profile {
            Profile::User => 50_000,
            Profile::Kernel => 3_000,
        }
    }

    /// Calls one of a table's functions.
    fn call_from(&mut self, table: &Table) {
        if self.cost + self.rounds * table.cost > self.most() {
            return;
        }
        let Some(args) = self.arguments(&table.sig.params) else { return };
        self.cost += self.rounds * table.cost;
        let number = self.int(Type::I64);
        let mask = self.constant(Type::I64, 24);
        let index = self.push(Op::Bin(BinOp::And, number, mask), Some(Type::I64));
        let base = self.push(Op::Symbol(table.id), Some(Type::PTR));
        let at = self.push(Op::PtrAdd { base, index: Some(index), offset: 0 }, Some(Type::PTR));
        let op = Op::Load { ptr: at, offset: 0, access: Access::plain(Width::W64), signed: false };
        let target = self.push(op, Some(Type::PTR));
        let value = self.push(Op::Call { callee: Callee::Value(target), args }, table.sig.ret);
        self.ints.extend(table.sig.ret.map(|_| value));
    }

    fn arguments(&mut self, params: &[Type]) -> Option<Values> {
        params
            .iter()
            .map(|&ty| match ty.is_ptr() {
                false => Some(self.int(ty)),
                true => {
                    let fits = |p: &&Pointer| p.room >= PASSED && p.align >= 8 && p.writable;
                    let fitting: Vec<Value> = self.pointers.iter().filter(fits).map(|p| p.value).collect();
                    (!fitting.is_empty()).then(|| self.random.pick(&fitting))
                }
            })
            .collect()
    }
}
