//! What types are to the code that is made: shape, size, alignment.

use skep_btf::{Btf, IntEncoding, Type, TypeId};

use crate::diag::Code;
use crate::ir;

/// What a type is, without its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Void,
    Bool,
    /// An integer, an enumeration or a character, of 1 to 64 bits.
    Int {
        bits: u8,
        signed: bool,
    },
    Float,
    /// An integer of 128 bits.
    Wide,
    Ptr {
        to: TypeId,
        space: ir::Space,
    },
    /// A struct or union.
    Composite,
    Array {
        elem: TypeId,
        len: u32,
    },
    /// The type of a function.
    Func,
    /// What has no size here: a forward declaration, or something that is no type of a value.
    Opaque,
}

/// What the builder asks of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Class {
    pub(crate) shape: Shape,
    /// In bytes.
    pub(crate) size: u32,
    /// In bytes, a power of two up to 16.
    pub(crate) align: u8,
    pub(crate) volatile: bool,
    /// The type without names and modifiers.
    pub(crate) bare: TypeId,
}

impl Class {
    const NONE: Class =
        Class { shape: Shape::Opaque, size: 0, align: 1, volatile: false, bare: TypeId::VOID };

    /// The type of a register that holds such a value.
    pub(crate) const fn ir(self) -> Option<ir::Type> {
        match self.shape {
            Shape::Bool => Some(ir::Type::I1),
            Shape::Int { bits, .. } => Some(ir::Type::Int(bits)),
            Shape::Ptr { space, .. } => Some(ir::Type::Ptr(space)),
            _ => None,
        }
    }

    /// How memory holds such a value.
    pub(crate) fn width(self) -> Option<ir::Width> {
        self.ir()?;
        ir::Width::of_bytes(self.size.into())
    }

    /// Whether variables of it have a size and an address.
    pub(crate) const fn is_object(self) -> bool {
        !matches!(self.shape, Shape::Void | Shape::Func | Shape::Opaque)
    }

    pub(crate) const fn is_signed(self) -> bool {
        matches!(self.shape, Shape::Int { signed: true, .. })
    }

    /// The code of mistakes with floating-point numbers of this type.
    pub(crate) const fn float_code(self) -> Code {
        if matches!(self.size, 4 | 8) { Code::Float } else { Code::ExtendedFloat }
    }

    pub(crate) const fn is_ptr(self) -> bool {
        matches!(self.shape, Shape::Ptr { .. })
    }
}

/// The tag of pointers into an arena, as clang spells it for `__attribute__((address_space(1)))`.
pub(super) const ARENA_TAG: &str = "address_space(1)";

/// Types that contain each other deeper than this are not looked into.
const MAX_DEPTH: u32 = 64;

/// What has been looked at, by type.
#[derive(Clone, Debug, Default)]
pub(super) struct Classes(Vec<Option<Class>>);

impl Classes {
    /// Looks at a type.
    pub(super) fn get(&mut self, btf: &Btf, id: TypeId) -> Class {
        match self.0.get(id.0 as usize) {
            Some(Some(class)) => *class,
            _ => self.look(btf, id, 0),
        }
    }

    /// Forgets all of it: a struct has been given its members.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    #[cold]
    fn look(&mut self, btf: &Btf, id: TypeId, depth: u32) -> Class {
        let at = id.0 as usize;
        if let Some(Some(class)) = self.0.get(at) {
            return *class;
        }
        if depth > MAX_DEPTH || (btf.get(id).is_none() && !id.is_void()) {
            return Class::NONE;
        }
        if self.0.len() <= at {
            self.0.resize(at + 1, None);
        }
        // A type that contains itself finds this, and not itself again.
        self.0[at] = Some(Class::NONE);
        let (mut bare, mut volatile) = (id, false);
        for _ in 0..=MAX_DEPTH {
            let Some(inner) = btf.ty(bare).modified() else { break };
            volatile |= matches!(btf.ty(bare), Type::Volatile(_));
            bare = inner;
        }
        let (shape, size, align) = self.shape(btf, bare, depth);
        let class = Class { shape, size, align, volatile, bare };
        self.0[at] = Some(class);
        class
    }

    fn shape(&mut self, btf: &Btf, bare: TypeId, depth: u32) -> (Shape, u32, u8) {
        match btf.ty(bare) {
            Type::Void => (Shape::Void, 0, 1),
            Type::Int(int) => {
                let shape = match int {
                    _ if int.offset != 0 || u32::from(int.bits) > int.size.saturating_mul(8) => Shape::Opaque,
                    _ if int.encoding == IntEncoding::Bool && int.size == 1 => Shape::Bool,
                    _ if int.size == 16 => Shape::Wide,
                    _ if !matches!(int.size, 1 | 2 | 4 | 8) || int.bits == 0 => Shape::Opaque,
                    _ => {
                        let signed = matches!(int.encoding, IntEncoding::Signed | IntEncoding::SignedChar);
                        Shape::Int { bits: int.bits, signed }
                    }
                };
                (shape, int.size, natural(int.size))
            }
            Type::Enum(e) | Type::Enum64(e) if matches!(e.size, 1 | 2 | 4 | 8) => {
                let bits = u8::try_from(e.size * 8).unwrap_or(64);
                (Shape::Int { bits, signed: e.signed }, e.size, natural(e.size))
            }
            Type::Float { size } => (Shape::Float, size, natural(size)),
            Type::Ptr(to) => (Shape::Ptr { to, space: space(btf, to) }, 8, 8),
            Type::Array(array) => {
                let elem = self.look(btf, array.elem, depth + 1);
                match elem.size.checked_mul(array.len) {
                    Some(size) if elem.is_object() => {
                        (Shape::Array { elem: array.elem, len: array.len }, size, elem.align)
                    }
                    _ => (Shape::Opaque, 0, 1),
                }
            }
            Type::Struct(composite) | Type::Union(composite) => {
                let mut align = 1;
                let mut packed = false;
                for member in composite.members {
                    let member_align = self.look(btf, member.ty, depth + 1).align;
                    align = align.max(member_align);
                    let bits = u32::from(member_align) * 8;
                    packed |= member.bitfield_size == 0 && !member.bit_offset.is_multiple_of(bits);
                }
                packed |= !composite.size.is_multiple_of(align.into());
                (Shape::Composite, composite.size, if packed { 1 } else { align })
            }
            Type::FuncProto(_) => (Shape::Func, 0, 1),
            _ => (Shape::Opaque, 0, 1),
        }
    }
}

/// The alignment of a number of that size.
fn natural(size: u32) -> u8 {
    let size = size.clamp(1, 16);
    if size.is_power_of_two() { u8::try_from(size).unwrap_or(16) } else { 1 }
}

/// The address space that a pointer to this type points into.
fn space(btf: &Btf, mut to: TypeId) -> ir::Space {
    for _ in 0..MAX_DEPTH {
        if matches!(btf.ty(to), Type::TypeTag(_)) && btf.name(to) == ARENA_TAG {
            return ir::Space::Arena;
        }
        match btf.ty(to).modified() {
            Some(inner) => to = inner,
            None => break,
        }
    }
    ir::Space::Default
}
