//! Rust types and constants of them.

use skep_btf::{BpfType, TypeId};

use super::body::FuncBuilder;
use super::class::Shape;
use super::handle::{Place, Ty, Value};
use crate::diag::Code;
use crate::ir::{self, CastOp, Init, Op, Type};

/// No value in a register is longer, in bytes.
const LONGEST: usize = 16;

impl FuncBuilder<'_> {
    /// The type that a Rust type has here.
    pub fn rust_type<T: BpfType>(&mut self) -> Ty {
        self.m.rust::<T>()
    }

    /// A Rust value as a constant: an integer, a truth value, an enumeration or a pointer.
    pub(in crate::build) fn rust_constant<T: BpfType>(&mut self, constant: T) -> Value {
        if T::VOID {
            return self.nothing();
        }
        let id = self.m.rust_id::<T>();
        let class = self.m.class(id);
        let (Some(ty), Ok(size)) = (class.ir(), usize::try_from(T::SIZE)) else {
            return self.no_constant(id);
        };
        if size > LONGEST || size != class.size as usize {
            return self.no_constant(id);
        }
        let mut bytes = [0; LONGEST];
        constant.write_to(&mut bytes[..size]);
        let number = number(&bytes[..size]);
        let node = match ty {
            Type::Ptr(_) if number != 0 => {
                let address = self.number(number, Type::I64);
                self.emit(Op::Cast(CastOp::IntToPtr, address), Some(ty))
            }
            _ => self.number(number, ty),
        };
        self.value(node, id)
    }

    #[cold]
    fn no_constant(&mut self, id: TypeId) -> Value {
        let name = self.m.type_name(id);
        let message =
            format!("a constant of {name} as one value: write it to a variable, it does not fit a register");
        self.m.mistake(Code::TypeMismatch, message);
        Value::POISON
    }

    /// Writes a Rust value to a place, whole structs and arrays, too.
    #[track_caller]
    pub(in crate::build) fn write_constant<T: BpfType>(&mut self, place: Place, constant: T) {
        let id = self.m.rust_id::<T>();
        let class = self.m.class(id);
        if class.ir().is_some() {
            let value = self.rust_constant(constant);
            self.store(place, value);
            return;
        }
        let Some(target) = self.check_place(place) else { return };
        let bytes = constant.to_bytes();
        if target.size as usize != bytes.len() || place.bits.is_some() {
            let (from, to) = (self.m.type_name(id), self.m.type_name(place.ty));
            self.m.mistake(Code::TypeMismatch, format!("a constant of {from} is written where {to} lies"));
            return;
        }
        let mut pieces = Vec::new();
        self.m.pieces(id, &bytes, &mut pieces, 0);
        self.zero(place);
        let mut at = 0u32;
        for piece in pieces {
            match &piece {
                Init::Int { bytes, value } if *value != 0 => self.write_number(place, at, *bytes, *value),
                Init::Bytes(bytes) => {
                    for (i, &byte) in (at..).zip(bytes).filter(|&(_, &byte)| byte != 0) {
                        self.write_number(place, i, 1, byte.into());
                    }
                }
                _ => {}
            }
            at = at.saturating_add(piece.size());
        }
    }

    /// Writes an integer of so many bytes into a place.
    fn write_number(&mut self, place: Place, at: u32, bytes: u8, number: i64) {
        let Some(width) = ir::Width::of_bytes(bytes.into()) else { return };
        let ty = match bytes {
            1 => self.m.rust_id::<u8>(),
            2 => self.m.rust_id::<u16>(),
            4 => self.m.rust_id::<u32>(),
            _ => self.m.rust_id::<u64>(),
        };
        let part = self.part(place, at.saturating_mul(8), None, ty);
        if part.is_poison() {
            return;
        }
        let value = self.number(number, Type::Int(width.bits()));
        let (ptr, offset) = self.base(part);
        self.emit(Op::Store { ptr, offset, value, access: super::access::access(part, width) }, None);
    }

    /// A place on the stack without a name, until [`release`](FuncBuilder::release) gives it back.
    #[track_caller]
    pub(in crate::build) fn temporary(&mut self, ty: Ty) -> Place {
        let Some(ty) = self.m.object_type(ty, "a temporary of type") else { return Place::POISON };
        let body = &mut self.m.body;
        let free = body.temporaries.iter_mut().find(|(var, taken)| {
            !taken && body.vars.get(var.index as usize).is_some_and(|known| known.ty == ty)
        });
        if let Some((var, taken)) = free {
            *taken = true;
            let var = *var;
            return self.var_place(var);
        }
        let var = self.var_of(None, ty);
        self.m.body.temporaries.push((var, true));
        self.var_place(var)
    }

    /// The call is over that took temporary places.
    #[inline]
    pub(in crate::build) fn release(&mut self) {
        for (_, taken) in &mut self.m.body.temporaries {
            *taken = false;
        }
    }

    /// What a pointer points to, as a type that is known otherwise: that of the pointer's own is not asked.
    #[track_caller]
    pub(in crate::build) fn deref_as(&mut self, pointer: Value, ty: Ty) -> Place {
        let Some((node, class)) = self.operand(pointer) else { return Place::POISON };
        let Some(ty) = self.m.type_id(ty) else { return Place::POISON };
        if !class.is_ptr() {
            self.bad_operand("a place", pointer, "a pointer");
            return Place::POISON;
        }
        let place = self.place_at(node, ty);
        // The pointer's own type may say more: that what it points to is volatile.
        let Shape::Ptr { to, .. } = class.shape else { return place };
        Place { volatile: place.volatile || self.m.class(to).volatile, ..place }
    }

    /// The part of a place that a field of a Rust struct is.
    pub(in crate::build) fn rust_part<T: BpfType>(
        &mut self,
        place: Place,
        bit: u32,
        bits: Option<u8>,
    ) -> Place {
        let ty = self.m.rust_id::<T>();
        self.part(place, bit, bits, ty)
    }

    /// A member by its name, as a type that must be like its own.
    #[track_caller]
    pub(in crate::build) fn member_as<T: BpfType>(&mut self, place: Place, name: &str) -> Place {
        let found = self.field(place, name);
        self.like::<T>(found, name)
    }

    /// A place as a type that must be like its own.
    #[track_caller]
    pub(in crate::build) fn like<T: BpfType>(&mut self, place: Place, name: &str) -> Place {
        if place.is_poison() {
            return place;
        }
        let id = self.m.rust_id::<T>();
        let (class, own) = (self.m.class(id), self.m.class(place.ty));
        let like = class.size == own.size && (class.ir() == own.ir() || own.is_ptr() == class.is_ptr());
        if !like {
            let (asked, own) = (self.m.type_name(id), self.m.type_name(place.ty));
            self.m.mistake(
                Code::TypeMismatch,
                format!("member '{name}' is {own}, but is asked for as {asked}"),
            );
            return Place::POISON;
        }
        Place { ty: id, ..place }
    }

    /// `pointer + index`, counted in so many bytes.
    #[track_caller]
    pub(in crate::build) fn offset_by(&mut self, pointer: Value, index: Value, size: u32) -> Value {
        match self.operand(pointer) {
            Some((_, class)) if class.is_ptr() => self.advance(pointer, index, size),
            Some(_) => self.bad_operand("pointer arithmetic", pointer, "a pointer"),
            None => Value::POISON,
        }
    }

    /// Returns from the function; a constant takes the type that the function returns.
    #[track_caller]
    pub(in crate::build) fn ret_constant(&mut self, value: Value) {
        let ret = self.m.body.ret;
        let target = self.m.class(ret);
        if !value.is_nothing()
            && let Some((node, class)) = self.operand(value)
            && let (Shape::Int { .. }, Shape::Int { bits, signed }) = (class.shape, target.shape)
            && class.shape != target.shape
            && let Some(number) = self.m.body.ir.as_const(node)
        {
            let number = if class.is_signed() {
                number.into()
            } else {
                i128::from(number.cast_unsigned() & class.ir().map_or(u64::MAX, Type::mask))
            };
            if super::types::fits(number, bits, signed) {
                let value = self.int_of(ret, number);
                return self.ret(Some(value));
            }
        }
        self.ret(Some(value));
    }

    /// The value of an own type, for the typed layer; poison and a mistake if it is of another.
    #[track_caller]
    pub(in crate::build) fn typed<T: BpfType>(&mut self, value: Value) -> Value {
        if T::VOID && value.is_nothing() {
            return value;
        }
        let Some((_, class)) = self.operand(value) else { return Value::POISON };
        let id = self.m.rust_id::<T>();
        let expected = self.m.class(id);
        if self.compatible(value.ty, class, id, expected) {
            return value;
        }
        let name = self.m.type_name(id);
        self.bad_operand("a typed value", value, &name)
    }
}

/// The integer that some bytes are in the order of this machine.
fn number(bytes: &[u8]) -> i64 {
    let mut word = [0; 8];
    let len = bytes.len().min(8);
    let at = if cfg!(target_endian = "little") { 0 } else { 8 - len };
    word[at..at + len].copy_from_slice(&bytes[..len]);
    i64::from_ne_bytes(word)
}
