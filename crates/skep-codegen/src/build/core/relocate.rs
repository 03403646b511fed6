//! CO-RE: places and answers that the loader fills in from the types of the kernel that it meets.

use skep_btf::{CoreKind, Type as Btf, TypeId};

use super::body::FuncBuilder;
use super::class::{Class, Shape};
use super::handle::{Base, Place, Ty, Value};
use crate::diag::Code;
use crate::ir::{self, CoreRelo, Op, Type};

/// What a path leads to.
struct Reached {
    /// As relocations write it: `0:2:1`.
    access: String,
    bit_offset: u64,
    ty: TypeId,
    bits: Option<u8>,
}

impl FuncBuilder<'_> {
    /// A member of the struct that a pointer points to, wherever the kernel has it: `mm.owner`, `comm[2]`. It is no
    /// bit-field; ask for their parts by [`core_ask`](FuncBuilder::core_ask).
    #[track_caller]
    pub fn core_field(&mut self, pointer: Value, path: &str) -> Place {
        self.m.here();
        let Some((base, class)) = self.operand(pointer) else { return Place::POISON };
        let Shape::Ptr { to, .. } = class.shape else {
            self.bad_operand("a place", pointer, "a pointer");
            return Place::POISON;
        };
        let Some(reached) = self.reach(to, path) else { return Place::POISON };
        if reached.bits.is_some() {
            let message = format!("'{path}' is a bit-field, which has no place of its own: use core_ask");
            self.m.mistake(Code::NoSuchMember, message);
            return Place::POISON;
        }
        let ty = self.m.class(to).bare;
        let value = i64::try_from(reached.bit_offset / 8).unwrap_or(i64::MAX);
        let offset = self.core(CoreKind::FieldByteOffset, ty, reached.access, value);
        let kind = self.m.body.ir.node(base).ty;
        let node = self.emit(Op::PtrAdd { base, index: Some(offset), offset: 0 }, kind);
        let place = self.place_at(node, reached.ty);
        Place { base: Base::Pointer(node), ..place }
    }

    /// The answer to a question about a type, or a member of it by its path: an unsigned 64-bit integer. Of an
    /// enumeration, the path is the name of an enumerator; of a type as a whole, it is empty.
    #[track_caller]
    pub fn core_ask(&mut self, kind: CoreKind, ty: Ty, path: &str) -> Value {
        self.m.here();
        let Some(id) = self.m.type_id(ty) else { return Value::POISON };
        let class = self.m.class(id);
        let answer = match kind {
            CoreKind::TypeIdLocal | CoreKind::TypeIdTarget => Some((id, "0".to_owned(), i64::from(id.0))),
            CoreKind::TypeExists | CoreKind::TypeMatches => Some((id, "0".to_owned(), 1)),
            CoreKind::TypeSize => Some((id, "0".to_owned(), i64::from(class.size))),
            CoreKind::EnumvalExists | CoreKind::EnumvalValue => {
                self.enumerator(class.bare, path).map(|found| {
                    let value = if kind == CoreKind::EnumvalExists { 1 } else { found.1 };
                    (class.bare, found.0, value)
                })
            }
            _ => self.reach(id, path).map(|reached| {
                let value = self.field_answer(kind, &reached);
                (class.bare, reached.access, value)
            }),
        };
        let Some((of, access, value)) = answer else { return Value::POISON };
        let node = self.core(kind, of, access, value);
        let ty = self.m.rust_id::<u64>();
        self.value(node, ty)
    }

    fn core(&mut self, kind: CoreKind, ty: TypeId, access: String, value: i64) -> ir::Value {
        let relo = CoreRelo { kind, ty, access, value };
        let known = self.m.ir.core.iter().rev().take(8).position(|other| *other == relo);
        let count = self.m.ir.core.len();
        let at = match known {
            Some(back) => count - 1 - back,
            None => {
                self.m.ir.core.push(relo);
                count
            }
        };
        self.emit(Op::Core(u32::try_from(at).unwrap_or(u32::MAX)), Some(Type::I64))
    }

    /// What a field is like in the types of this module.
    fn field_answer(&mut self, kind: CoreKind, reached: &Reached) -> i64 {
        let Class { size, .. } = self.m.class(reached.ty);
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let bits = u64::from(reached.bits.map_or(size.saturating_mul(8), u32::from));
        let unit = u64::from(size.max(1)) * 8;
        // A bit-field is read as a whole number of its type that it lies in.
        let start =
            if reached.bits.is_some() { reached.bit_offset / unit * unit } else { reached.bit_offset };
        match kind {
            CoreKind::FieldByteOffset => number(start / 8),
            CoreKind::FieldByteSize => i64::from(size),
            CoreKind::FieldSigned => self.m.class(reached.ty).is_signed().into(),
            CoreKind::FieldLshiftU64 => number(64u64.saturating_sub(reached.bit_offset - start + bits)),
            CoreKind::FieldRshiftU64 => number(64u64.saturating_sub(bits)),
            _ => 1,
        }
    }

    /// The access string and the value of an enumerator.
    fn enumerator(&mut self, bare: TypeId, name: &str) -> Option<(String, i64)> {
        let btf = self.m.ir.types.so_far();
        if let Btf::Enum(body) | Btf::Enum64(body) = btf.ty(bare) {
            let spelled = skep_btf::mangle(name);
            let at = body.values.iter().position(|value| btf.string(value.name) == spelled);
            if let Some(at) = at {
                return Some((at.to_string(), body.values[at].value));
            }
        }
        let ty = self.m.type_name(bare);
        self.m.mistake(Code::NoSuchMember, format!("{ty} has no enumerator '{name}'"));
        None
    }

    /// Follows a path of members and elements.
    fn reach(&mut self, ty: TypeId, path: &str) -> Option<Reached> {
        let mut reached = Reached { access: "0".to_owned(), bit_offset: 0, ty, bits: None };
        for part in path.split(['.', '[']).map(|part| part.trim_end_matches(']')) {
            let class = self.m.class(reached.ty);
            if let (Shape::Array { elem, len }, Ok(index)) = (class.shape, part.parse::<u32>()) {
                if len != 0 && index >= len {
                    let message = format!("element {index} of an array of {len} in '{path}'");
                    self.m.mistake(Code::NoSuchMember, message);
                    return None;
                }
                reached.bit_offset += u64::from(self.m.class(elem).size) * 8 * u64::from(index);
                reached.access.push_str(&format!(":{index}"));
                reached.ty = elem;
                continue;
            }
            let Some((steps, bit_offset, ty, bits)) = self.member_path(class.bare, part) else {
                let name = self.m.type_name(reached.ty);
                self.m
                    .mistake(Code::NoSuchMember, format!("{name} has no member '{part}', as '{path}' says"));
                return None;
            };
            steps.iter().for_each(|step| reached.access.push_str(&format!(":{step}")));
            reached.bit_offset += bit_offset;
            (reached.ty, reached.bits) = (ty, bits);
        }
        Some(reached)
    }
}
