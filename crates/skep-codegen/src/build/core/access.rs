//! Reading and writing memory.

use skep_btf::TypeId;

use super::body::FuncBuilder;
use super::class::{Class, Shape};
use super::handle::{Base, Place, Value, Var};
use crate::diag::Code;
use crate::ir::{self, Access, CastOp, Op, Order, Type, Width};

impl FuncBuilder<'_> {
    /// The value of a local variable. Reading it before it is written is a mistake.
    #[track_caller]
    pub fn get(&mut self, var: Var) -> Value {
        self.m.here();
        let place = self.var_place(var);
        self.load(place)
    }

    /// Writes a local variable.
    #[track_caller]
    pub fn set(&mut self, var: Var, value: Value) {
        self.m.here();
        let place = self.var_place(var);
        self.store(place, value);
    }

    /// Reads an integer, truth value or pointer, also from a bit-field.
    #[track_caller]
    pub fn load(&mut self, place: Place) -> Value {
        self.m.here();
        let Some(class) = self.check_place(place) else { return Value::POISON };
        if place.bits.is_some() {
            return self.load_bits(place, class);
        }
        let Some(width) = self.scalar_width(place.ty, class, "read") else { return Value::POISON };
        let access = access(place, width);
        let node = self.load_scalar(place, class, access);
        self.value(node, place.ty)
    }

    /// Writes an integer, truth value or pointer, also to a bit-field, which takes its low bits.
    #[track_caller]
    pub fn store(&mut self, place: Place, value: Value) {
        self.m.here();
        let Some(class) = self.check_place(place) else { return };
        let Some((node, value_class)) = self.operand(value) else {
            self.spoil(place, class);
            return;
        };
        if !self.compatible(value.ty, value_class, place.ty, class) {
            let (from, to) = (self.m.type_name(value.ty), self.m.type_name(place.ty));
            let message = format!("{from} is written where {to} lies: cast it");
            self.m.mistake(Code::TypeMismatch, message);
            self.spoil(place, class);
            return;
        }
        if place.bits.is_some() {
            self.store_bits(place, node, class);
            return;
        }
        let Some(width) = self.scalar_width(place.ty, class, "written") else { return };
        self.store_scalar(place, class, node, access(place, width));
    }

    /// Marks a variable as written after a mistake, so that it is not reported as unwritten as well.
    #[cold]
    fn spoil(&mut self, place: Place, class: Class) {
        if let (Base::Var(_), Some(ty), Some(width)) = (place.base, class.ir(), class.width())
            && place.bits.is_none()
            && self.m.body.reachable
        {
            let node = self.number(0, ty);
            self.store_scalar(place, class, node, access(place, width));
        }
    }

    fn load_scalar(&mut self, place: Place, class: Class, access: Access) -> ir::Value {
        let (ptr, offset) = self.access_base(place);
        let ty = class.ir().unwrap_or(Type::I64);
        let memory = memory_type(ty, access.width);
        let node = self.emit(Op::Load { ptr, offset, access, signed: false }, Some(memory));
        if memory == ty { node } else { self.emit(Op::Cast(CastOp::Trunc, node), Some(ty)) }
    }

    fn store_scalar(&mut self, place: Place, class: Class, value: ir::Value, access: Access) {
        let (ptr, offset) = self.access_base(place);
        let ty = class.ir().unwrap_or(Type::I64);
        let memory = memory_type(ty, access.width);
        let value = if memory == ty {
            value
        } else {
            let op = if class.is_signed() { CastOp::Sext } else { CastOp::Zext };
            self.emit(Op::Cast(op, value), Some(memory))
        };
        self.emit(Op::Store { ptr, offset, value, access }, None);
    }

    /// A pointer and an offset to access. A variable is accessed as a whole without its address being taken.
    fn access_base(&mut self, place: Place) -> (ir::Value, i32) {
        match place.base {
            Base::Var(at) if place.offset == 0 && !place.volatile => {
                let variable = &self.m.body.vars[at as usize];
                if variable.ty == place.ty {
                    return (variable.address, 0);
                }
                self.base(place)
            }
            _ => self.base(place),
        }
    }

    /// The width of a value that fits into a register; anything else is a mistake.
    fn scalar_width(&mut self, ty: TypeId, class: Class, verb: &str) -> Option<Width> {
        if let Some(width) = class.width() {
            return Some(width);
        }
        let name = self.m.type_name(ty);
        let (code, remedy) = match class.shape {
            Shape::Float => {
                (class.float_code(), "BPF has no floating point; copy its bytes, or use integers")
            }
            Shape::Wide => (Code::Int128, "it has two halves of 64 bits; read each, or copy it"),
            Shape::Composite | Shape::Array { .. } => {
                (Code::TypeMismatch, "read and write its members or elements, or copy the whole")
            }
            _ => {
                (Code::TypeMismatch, "it is no value of memory; cast the pointer to that of a complete type")
            }
        };
        self.m.mistake(code, format!("{name} is {verb} as one value: {remedy}"));
        None
    }

    /// Reads a pointer that the context of a program has in 32 bits: `data`, `data_end` and their like.
    #[track_caller]
    pub fn load_packet_pointer(&mut self, place: Place, ty: super::Ty) -> Value {
        self.m.here();
        let Some(to) = self.m.type_id(ty) else { return Value::POISON };
        let (Some(class), target) = (self.check_place(place), self.m.class(to)) else { return Value::POISON };
        if class.size != 4 || place.bits.is_some() || !target.is_ptr() {
            let (from, to) = (self.m.type_name(place.ty), self.m.type_name(to));
            let message = format!("{to} is read from {from}: expected a pointer from a member of 32 bits");
            self.m.mistake(Code::TypeMismatch, message);
            return Value::POISON;
        }
        let (ptr, offset) = self.base(place);
        let access = access(place, Width::W32);
        let node = self.emit(Op::Load { ptr, offset, access, signed: false }, target.ir());
        self.value(node, to)
    }

    /// Reads in one step, ordered.
    #[track_caller]
    pub fn atomic_load(&mut self, place: Place, order: Order) -> Value {
        self.m.here();
        let Some((class, access)) = self.atomic_access(place, order, "read") else { return Value::POISON };
        let node = self.load_scalar(Place { volatile: true, ..place }, class, access);
        self.value(node, place.ty)
    }

    /// Writes in one step, ordered.
    #[track_caller]
    pub fn atomic_store(&mut self, place: Place, value: Value, order: Order) {
        self.m.here();
        let Some((class, access)) = self.atomic_access(place, order, "written") else { return };
        let Some((node, value_class)) = self.operand(value) else { return };
        if !self.compatible(value.ty, value_class, place.ty, class) {
            self.bad_operand("an atomic write", value, "the type of the place");
            return;
        }
        self.store_scalar(Place { volatile: true, ..place }, class, node, access);
    }

    /// Changes memory in one step; the result is what was there before.
    #[track_caller]
    pub fn atomic(&mut self, op: ir::AtomicOp, place: Place, value: Value, order: Order) -> Value {
        self.m.here();
        let Some((class, access)) = self.atomic_access(place, order, "changed") else { return Value::POISON };
        let Some((node, value_class)) = self.operand(value) else { return Value::POISON };
        if !matches!(class.shape, Shape::Int { .. }) || !super::arith::same(value_class, class) {
            return self.bad_operand("an atomic operation", value, "an integer of the place's type");
        }
        let (ptr, offset) = self.base(place);
        let node = self.emit(Op::Atomic { op, ptr, offset, value: node, access }, class.ir());
        self.value(node, place.ty)
    }

    /// Writes `new` if `expected` is there, in one step; the result is what was there before.
    #[track_caller]
    pub fn compare_exchange(&mut self, place: Place, expected: Value, new: Value, order: Order) -> Value {
        self.m.here();
        let Some((class, access)) = self.atomic_access(place, order, "changed") else { return Value::POISON };
        let (Some((old, old_class)), Some((node, new_class))) = (self.operand(expected), self.operand(new))
        else {
            return Value::POISON;
        };
        if !matches!(class.shape, Shape::Int { .. })
            || !super::arith::same(old_class, class)
            || !super::arith::same(new_class, class)
        {
            return self.bad_operands("compare_exchange", expected, new);
        }
        let (ptr, offset) = self.base(place);
        let op = Op::CmpXchg { ptr, offset, expected: old, new: node, access };
        let node = self.emit(op, class.ir());
        self.value(node, place.ty)
    }

    /// Orders the memory accesses around it.
    #[track_caller]
    pub fn fence(&mut self, order: Order) {
        self.m.here();
        if order == Order::Plain {
            self.m.mistake(Code::OutOfRange, "a fence that orders nothing: name an ordering".to_owned());
            return;
        }
        self.emit(Op::Fence(order), None);
    }

    fn atomic_access(&mut self, place: Place, order: Order, verb: &str) -> Option<(Class, Access)> {
        let class = self.check_place(place)?;
        let width = self.scalar_width(place.ty, class, verb)?;
        let whole = class.ir().is_some_and(|ty| ty.bits() == width.bits());
        if place.bits.is_some() || !whole {
            let name = self.m.type_name(place.ty);
            let message =
                format!("{name} is {verb} in one step: expected an integer or pointer of whole bytes");
            self.m.mistake(Code::TypeMismatch, message);
            return None;
        }
        let order = if order == Order::Plain { Order::Relaxed } else { order };
        Some((class, Access { order, ..access(place, width) }))
    }

    /// Copies what lies at one place to another that it does not overlap. The types must be the same.
    #[track_caller]
    pub fn copy(&mut self, dst: Place, src: Place) {
        self.m.here();
        let (Some(class), Some(other)) = (self.check_place(dst), self.check_place(src)) else { return };
        if dst.bits.is_some() || src.bits.is_some() || (class.width().is_some() && other.width().is_some()) {
            let value = self.load(src);
            self.store(dst, value);
            return;
        }
        let same = class.bare == other.bare
            || (class.size == other.size
                && self.m.type_name(class.bare) == self.m.type_name(other.bare)
                && class.shape == other.shape);
        if !same || !class.is_object() {
            let (to, from) = (self.m.type_name(dst.ty), self.m.type_name(src.ty));
            self.m
                .mistake(Code::TypeMismatch, format!("{from} is copied to where {to} lies: cast a pointer"));
            return;
        }
        self.copy_bytes(dst, src, class.size);
    }

    /// Copies so many bytes between places that do not overlap, whatever their types; more than 4 KiB in a loop, and at
    /// most 3 MiB in code for the kernel.
    #[track_caller]
    pub fn memcpy(&mut self, dst: Place, src: Place, size: u32) {
        self.m.here();
        if self.check_place(dst).is_none() || self.check_place(src).is_none() || self.no_bits(&[dst, src]) {
            return;
        }
        self.copy_bytes(dst, src, size);
    }

    fn copy_bytes(&mut self, dst: Place, src: Place, size: u32) {
        let align = dst.align.min(src.align);
        let (dst, src) = (self.address(dst), self.address(src));
        if size != 0 {
            self.emit(Op::Copy { dst, src, size, align }, None);
        }
    }

    /// Sets so many bytes to a constant; many as [`memcpy`](FuncBuilder::memcpy) does.
    #[track_caller]
    pub fn memset(&mut self, dst: Place, byte: u8, size: u32) {
        self.m.here();
        if self.check_place(dst).is_none() || self.no_bits(&[dst]) {
            return;
        }
        let align = dst.align;
        let dst = self.address(dst);
        if size != 0 {
            self.emit(Op::Fill { dst, byte, size, align }, None);
        }
    }

    /// Sets what lies at a place to zeros: 0, false, null, and padding, too.
    #[track_caller]
    pub fn zero(&mut self, place: Place) {
        self.m.here();
        let Some(class) = self.check_place(place) else { return };
        match class.ir() {
            Some(ty) if class.width().is_some() => {
                let node = self.number(0, ty);
                let zero = self.value(node, place.ty);
                self.store(place, zero);
            }
            _ if class.is_object() => self.memset(place, 0, class.size),
            _ => {
                let name = self.m.type_name(place.ty);
                let message = format!("zeros are written to {name}, which has no size");
                self.m.mistake(Code::TypeMismatch, message);
            }
        }
    }

    fn no_bits(&mut self, places: &[Place]) -> bool {
        let found = places.iter().any(|place| place.bits.is_some());
        if found {
            let message = "the bytes of a bit-field, which has none: read and write it as a value";
            self.m.mistake(Code::TypeMismatch, message.to_owned());
        }
        found
    }
}

/// How a place is accessed.
pub(super) fn access(place: Place, width: Width) -> Access {
    let align = place.align.min(width.bytes());
    Access { width, volatile: place.volatile, order: Order::Plain, align }
}

/// The type that memory of a width gives a register: pointers stay pointers, `_Bool` and odd integers are wider there.
fn memory_type(ty: Type, width: Width) -> Type {
    if ty.is_ptr() { ty } else { Type::Int(width.bits()) }
}
