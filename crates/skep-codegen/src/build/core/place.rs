//! Places in memory: variables, what pointers point to, members, elements.

use skep_btf::TypeId;

use super::body::FuncBuilder;
use super::class::{Class, Shape};
use super::handle::{Base, Bits, Place, Ty, Value, Var};
use crate::diag::Code;
use crate::ir::{self, Op, Type};

/// A member that has been found by its name, or in the depth of anonymous ones.
struct Found {
    bit_offset: u64,
    ty: TypeId,
    bits: Option<u8>,
}

/// The numbers of members on the way to one; where it is in bits, its type, and how many bits a bit-field has.
pub(super) type MemberPath = (Vec<usize>, u64, TypeId, Option<u8>);

impl FuncBuilder<'_> {
    /// The place of a local variable. Reading and writing it as a whole does not take its address.
    #[track_caller]
    pub fn place(&mut self, var: Var) -> Place {
        self.m.here();
        self.var_place(var)
    }

    pub(in crate::build) fn var_place(&mut self, var: Var) -> Place {
        let body = &self.m.body;
        if var.brand != body.brand || body.vars.len() <= var.index as usize {
            if var.is_poison() {
                self.m.meet_poison();
            } else {
                let message = "this variable is of another function: pass its address as an argument";
                self.m.mistake(Code::Foreign, message.to_owned());
            }
            return Place::POISON;
        }
        let (brand, variable) = (body.brand, &body.vars[var.index as usize]);
        let (ty, align) = (variable.ty, u8::try_from(variable.slot.align).unwrap_or(8));
        let volatile = self.m.class(ty).volatile;
        Place { base: Base::Var(var.index), brand, offset: 0, ty, align, volatile, bits: None }
    }

    /// What a pointer points to.
    #[track_caller]
    pub fn deref(&mut self, pointer: Value) -> Place {
        self.m.here();
        let Some((node, class)) = self.operand(pointer) else { return Place::POISON };
        let Shape::Ptr { to, .. } = class.shape else {
            self.bad_operand("a place", pointer, "a pointer");
            return Place::POISON;
        };
        self.place_at(node, to)
    }

    /// What lies at an address, taken as a value of some type.
    pub(in crate::build) fn place_at(&mut self, address: ir::Value, ty: TypeId) -> Place {
        let class = self.m.class(ty);
        let brand = self.m.body.brand;
        let base = Base::Pointer(address);
        Place { base, brand, offset: 0, ty, align: class.align, volatile: class.volatile, bits: None }
    }

    /// The same place, with the alignment that is known of it, in bytes: a power of two.
    #[track_caller]
    pub fn aligned(&mut self, place: Place, align: u8) -> Place {
        self.m.here();
        if !align.is_power_of_two() {
            let message = format!("an alignment of {align} bytes: it is a power of two");
            self.m.mistake(Code::OutOfRange, message);
            return Place::POISON;
        }
        Place { align, ..place }
    }

    /// The same place, read and written exactly as the code says.
    #[must_use]
    pub fn volatile(&self, place: Place) -> Place {
        Place { volatile: true, ..place }
    }

    /// The type of what is at a place.
    pub fn place_type(&mut self, place: Place) -> Ty {
        if place.is_poison() { Ty::POISON } else { self.m.ty(place.ty) }
    }

    /// A member of a struct or union, by its name; also one of its anonymous members' members.
    #[track_caller]
    pub fn field(&mut self, place: Place, name: &str) -> Place {
        self.m.here();
        let Some(class) = self.check_place(place) else { return Place::POISON };
        let Some(found) = self.find_member(class.bare, name) else {
            let ty = self.m.type_name(place.ty);
            let names = self.member_names(class.bare);
            let message = format!("{ty} has no member '{name}': it has {names}");
            self.m.mistake(Code::NoSuchMember, message);
            return Place::POISON;
        };
        self.member_place(place, class, &found)
    }

    /// A member of a struct or union, by its number, counted from 0.
    #[track_caller]
    pub fn field_at(&mut self, place: Place, index: usize) -> Place {
        self.m.here();
        let Some(class) = self.check_place(place) else { return Place::POISON };
        let members = self.m.ir.types.so_far().ty(class.bare).members().unwrap_or_default();
        let (count, member) = (members.len(), members.get(index).copied());
        let Some(member) = member else {
            let ty = self.m.type_name(place.ty);
            let message = format!("member {index} of {ty}, which has {count}: they count from 0");
            self.m.mistake(Code::NoSuchMember, message);
            return Place::POISON;
        };
        let bits = (member.bitfield_size != 0).then_some(member.bitfield_size);
        let found = Found { bit_offset: member.bit_offset.into(), ty: member.ty, bits };
        self.member_place(place, class, &found)
    }

    /// A part of the place whose offset and type are known, as a [`skep_btf::Field`] tells.
    pub(in crate::build) fn part(
        &mut self,
        place: Place,
        bit_offset: u32,
        bits: Option<u8>,
        ty: TypeId,
    ) -> Place {
        let Some(class) = self.check_place(place) else { return Place::POISON };
        self.member_place(place, class, &Found { bit_offset: bit_offset.into(), ty, bits })
    }

    fn member_place(&mut self, place: Place, class: Class, found: &Found) -> Place {
        let member = self.m.class(found.ty);
        let (offset, bits) = match found.bits {
            None => (found.bit_offset / 8, None),
            Some(len) => {
                let at = found.bit_offset / 8;
                let start = u8::try_from(found.bit_offset % 8).unwrap_or(0);
                let before = u32::try_from(at).unwrap_or(u32::MAX);
                (
                    at,
                    Some(Bits {
                        start,
                        len,
                        room: class.size.saturating_sub(before),
                        before,
                        align: place.align,
                    }),
                )
            }
        };
        let volatile = place.volatile || member.volatile;
        self.moved(Place { ty: found.ty, bits, volatile, ..place }, offset)
    }

    /// The place so many bytes further on.
    fn moved(&mut self, place: Place, bytes: u64) -> Place {
        let offset = i64::from(place.offset).checked_add_unsigned(bytes);
        let Some(offset) = offset.and_then(|offset| i32::try_from(offset).ok()) else {
            let message = format!("a place {bytes} bytes further on: offsets have 32 bits");
            self.m.mistake(Code::OutOfRange, message);
            return Place::POISON;
        };
        let align = match bytes.trailing_zeros() {
            zeros @ 0..7 => place.align.min(1 << zeros),
            _ => place.align,
        };
        Place { offset, align, ..place }
    }

    /// An element of an array, counted from 0. A constant index beyond its end is a mistake.
    #[track_caller]
    pub fn index(&mut self, place: Place, index: Value) -> Place {
        self.m.here();
        let Some(class) = self.check_place(place) else { return Place::POISON };
        let Shape::Array { elem, len } = class.shape else {
            let ty = self.m.type_name(place.ty);
            self.m.mistake(Code::TypeMismatch, format!("an element of {ty}: expected an array"));
            return Place::POISON;
        };
        let Some((node, index_class)) = self.operand(index) else { return Place::POISON };
        let Shape::Int { signed, .. } = index_class.shape else {
            self.bad_operand("an index", index, "an integer");
            return Place::POISON;
        };
        let elem_class = self.m.class(elem);
        let volatile = place.volatile || elem_class.volatile;
        let place = Place { ty: elem, volatile, ..place };
        if let Some(number) = self.m.body.ir.as_const(node) {
            let mask = index_class.ir().map_or(u64::MAX, Type::mask);
            let at = if signed { u64::try_from(number).ok() } else { Some(number.cast_unsigned() & mask) };
            // A flexible array has no length of its own.
            return match at.filter(|&at| len == 0 || at < u64::from(len)) {
                Some(at) => self.moved(place, at.saturating_mul(elem_class.size.into())),
                None => {
                    let message = format!("element {number} of an array of {len}: they count from 0");
                    self.m.mistake(Code::OutOfRange, message);
                    Place::POISON
                }
            };
        }
        let base = self.address(place);
        let node = self.step(base, node, index_class, elem_class.size);
        let align = match elem_class.size.trailing_zeros() {
            zeros @ 0..7 => place.align.min(1 << zeros),
            _ => place.align,
        };
        Place { base: Base::Pointer(node), offset: 0, align, ..place }
    }

    /// The pointer to a place. A variable whose address is taken lies on the stack.
    #[track_caller]
    pub fn address_of(&mut self, place: Place) -> Value {
        self.m.here();
        if self.check_place(place).is_none() {
            return Value::POISON;
        }
        if place.bits.is_some() {
            let message = "the address of a bit-field, which has none: read and write it where it is";
            self.m.mistake(Code::TypeMismatch, message.to_owned());
            return Value::POISON;
        }
        let node = self.address(place);
        let ty = self.m.ir.types.ptr(place.ty);
        self.value(node, ty)
    }

    /// The address of a place that is none of a mistake.
    pub(super) fn address(&mut self, place: Place) -> ir::Value {
        let (base, offset) = self.base(place);
        if offset == 0 {
            return base;
        }
        let ty = self.m.body.ir.node(base).ty;
        self.emit(Op::PtrAdd { base, index: None, offset: offset.into() }, ty)
    }

    /// A pointer, and the offset from it; a variable's address is taken.
    pub(super) fn base(&mut self, place: Place) -> (ir::Value, i32) {
        match place.base {
            Base::Pointer(node) => (node, place.offset),
            Base::Var(at) => {
                let variable = &mut self.m.body.vars[at as usize];
                variable.taken = true;
                (variable.address, place.offset)
            }
            // Kept out by check_place.
            Base::Poison => (ir::Value(0), 0),
        }
    }

    /// `pointer + index`, counted in elements, as C does.
    #[track_caller]
    pub fn offset(&mut self, pointer: Value, index: Value) -> Value {
        self.m.here();
        let size = match self.pointee(pointer) {
            Some(class) if class.is_object() => class.size,
            Some(_) => {
                return self.bad_operand("pointer arithmetic", pointer, "a pointer to a type with a size");
            }
            None => return Value::POISON,
        };
        self.advance(pointer, index, size)
    }

    /// `pointer + index`, counted in bytes.
    #[track_caller]
    pub fn offset_bytes(&mut self, pointer: Value, index: Value) -> Value {
        self.m.here();
        if self.pointee(pointer).is_none() { Value::POISON } else { self.advance(pointer, index, 1) }
    }

    pub(super) fn advance(&mut self, pointer: Value, index: Value, size: u32) -> Value {
        let (Some((base, _)), Some((at, class))) = (self.operand(pointer), self.operand(index)) else {
            return Value::POISON;
        };
        if !matches!(class.shape, Shape::Int { .. }) {
            return self.bad_operand("an index", index, "an integer");
        }
        let node = self.step(base, at, class, size);
        self.value(node, pointer.ty)
    }

    /// `base + index * size`
    fn step(&mut self, base: ir::Value, index: ir::Value, class: Class, size: u32) -> ir::Value {
        let ty = self.m.body.ir.node(base).ty;
        let index = self.resize(index, class, Type::I64);
        if let Some(number) = self.m.body.ir.as_const(index) {
            let offset = number.wrapping_mul(size.into());
            return self.emit(Op::PtrAdd { base, index: None, offset }, ty);
        }
        let index = match size {
            1 => index,
            _ if size.is_power_of_two() => {
                let amount = self.number(size.trailing_zeros().into(), Type::I64);
                self.emit(Op::Bin(ir::BinOp::Shl, index, amount), Some(Type::I64))
            }
            _ => {
                let factor = self.number(size.into(), Type::I64);
                self.emit(Op::Bin(ir::BinOp::Mul, index, factor), Some(Type::I64))
            }
        };
        self.emit(Op::PtrAdd { base, index: Some(index), offset: 0 }, ty)
    }

    /// `a - b` of two pointers, counted in elements: a signed 64-bit integer.
    #[track_caller]
    pub fn distance(&mut self, a: Value, b: Value) -> Value {
        self.m.here();
        let size = self.pointee(a).map_or(1, |class| class.size.max(1));
        let bytes = self.distance_bytes(a, b);
        let Some((node, _)) = self.operand(bytes) else { return Value::POISON };
        if size == 1 {
            return bytes;
        }
        let size = self.number(size.into(), Type::I64);
        let node = self.emit(Op::Bin(ir::BinOp::Sdiv, node, size), Some(Type::I64));
        self.value(node, bytes.ty)
    }

    /// `a - b` of two pointers, counted in bytes: a signed 64-bit integer.
    #[track_caller]
    pub fn distance_bytes(&mut self, a: Value, b: Value) -> Value {
        self.m.here();
        let (Some((x, class)), Some((y, other))) = (self.operand(a), self.operand(b)) else {
            return Value::POISON;
        };
        if !class.is_ptr() || !self.compatible(a.ty, class, b.ty, other) {
            return self.bad_operands("the distance", a, b);
        }
        let ty = self.m.rust_id::<i64>();
        let node = self.emit(Op::PtrDiff(x, y), Some(Type::I64));
        self.value(node, ty)
    }

    /// What a pointer points to; anything else is a mistake.
    fn pointee(&mut self, pointer: Value) -> Option<Class> {
        let (_, class) = self.operand(pointer)?;
        match class.shape {
            Shape::Ptr { to, .. } => Some(self.m.class(to)),
            _ => {
                self.bad_operand("pointer arithmetic", pointer, "a pointer");
                None
            }
        }
    }

    /// The class of what lies at a place. Poison has none, silently; what is of another function is a mistake.
    pub(super) fn check_place(&mut self, place: Place) -> Option<Class> {
        if place.is_poison() {
            self.m.meet_poison();
            return None;
        }
        let body = &self.m.body;
        let known = match place.base {
            Base::Var(at) => (at as usize) < body.vars.len(),
            Base::Pointer(node) => (node.0 as usize) < body.ir.nodes.len(),
            Base::Poison => false,
        };
        if place.brand != body.brand || !known {
            let message = "this place is of another function: pass its address as an argument";
            self.m.mistake(Code::Foreign, message.to_owned());
            return None;
        }
        Some(self.m.class(place.ty))
    }

    fn find_member(&self, composite: TypeId, name: &str) -> Option<Found> {
        let (_, bit_offset, ty, bits) = self.member_path(composite, name)?;
        Some(Found { bit_offset, ty, bits })
    }

    /// The numbers of the members on the way to one, through anonymous ones; where it is, and what.
    pub(super) fn member_path(&self, composite: TypeId, name: &str) -> Option<MemberPath> {
        let btf = self.m.ir.types.so_far();
        let spelled = skep_btf::mangle(name);
        let mut level = vec![(composite, Vec::new(), 0u64)];
        for _ in 0..16 {
            let mut next = Vec::new();
            for (ty, steps, start) in level {
                for (at, member) in btf.ty(ty).members().unwrap_or_default().iter().enumerate() {
                    let mut steps: Vec<usize> = steps.clone();
                    steps.push(at);
                    let offset = start + u64::from(member.bit_offset);
                    let member_name = btf.string(member.name);
                    if !name.is_empty() && member_name == spelled {
                        let bits = (member.bitfield_size != 0).then_some(member.bitfield_size);
                        return Some((steps, offset, member.ty, bits));
                    }
                    if member_name.is_empty() {
                        next.extend(btf.resolve(member.ty).map(|ty| (ty, steps, offset)));
                    }
                }
            }
            if next.is_empty() || next.len() > 1024 {
                return None;
            }
            level = next;
        }
        None
    }

    fn member_names(&self, composite: TypeId) -> String {
        let btf = self.m.ir.types.so_far();
        let Some(members) = btf.ty(composite).members() else { return "no members at all".to_owned() };
        let mut names: Vec<&str> = members
            .iter()
            .map(|member| btf.string(member.name))
            .filter(|name| !name.is_empty())
            .take(9)
            .collect();
        if names.len() > 8 {
            names[8] = "..";
        }
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }
}
