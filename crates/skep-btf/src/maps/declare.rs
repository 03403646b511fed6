//! From a map declaration to types.

use super::{MapDecl, Part, Pinning, Values};
use crate::builder::BtfBuilder;
use crate::types::{IntEncoding, Linkage, Member, TypeId};

/// A declared map; its section and the symbol of its variable are still to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declared {
    /// The variable.
    pub var: TypeId,
    /// The size of the variable without initial values, in bytes; these follow, in 8-byte slots.
    pub size: u32,
}

/// Every member of a declaration is a pointer, or as large as one; in bytes.
const MEMBER_SIZE: u32 = 8;

/// Adds the variable that declares a map, and its types, to the set. What the declaration leaves at zero gets no
/// member. The types of its key, value and programs are types of the same builder.
pub fn declare(types: &mut BtfBuilder, name: &str, decl: &MapDecl) -> Declared {
    let (ty, size) = body(types, decl);
    Declared { var: types.var(name, ty, Linkage::Global), size }
}

/// The struct, and its size in bytes.
fn body(types: &mut BtfBuilder, decl: &MapDecl) -> (TypeId, u32) {
    let mut body = Body { types, members: Vec::new(), size: 0 };
    body.number("type", decl.ty.0);
    body.part("key", "key_size", decl.key);
    body.part("value", "value_size", decl.value);
    let numbers = [
        ("max_entries", (decl.max_entries != 0).then_some(decl.max_entries)),
        ("map_flags", (decl.flags != 0).then_some(decl.flags)),
        ("numa_node", decl.numa_node),
        ("pinning", (decl.pinning != Pinning::None).then_some(decl.pinning as u32)),
    ];
    for (name, number) in numbers {
        if let Some(number) = number {
            body.number(name, number);
        }
    }
    if decl.extra != 0 {
        body.long_number("map_extra", decl.extra);
    }
    if let Some(values) = &decl.values {
        body.values(values);
    }
    let Body { members, size, .. } = body;
    (types.structure("", size, &members), size)
}

/// The struct that is being made.
struct Body<'a> {
    types: &'a mut BtfBuilder,
    members: Vec<Member>,
    size: u32,
}

impl Body<'_> {
    fn push(&mut self, name: &str, ty: TypeId) {
        let member = self.types.member(name, ty, self.size * 8);
        self.members.push(member);
        self.size += MEMBER_SIZE;
    }

    /// `int (*name)[number]`
    fn number(&mut self, name: &str, number: u32) {
        // No array may be as large as 4 GiB, which the kernel checks behind pointers as well.
        let elem = if number < 1 << 30 {
            self.types.int("int", 4, IntEncoding::Signed)
        } else {
            self.types.int("char", 1, IntEncoding::Signed)
        };
        let array = self.types.array_of(elem, number);
        let ty = self.types.ptr(array);
        self.push(name, ty);
    }

    /// `enum { name = number } name`, if it does not fit into 32 bits.
    fn long_number(&mut self, name: &str, number: u64) {
        match u32::try_from(number) {
            Ok(number) => self.number(name, number),
            Err(_) => {
                // Enumerators share one scope, so the number makes the name unique.
                let value = self.types.enumerator(&format!("{name}_{number:x}"), number.cast_signed());
                let ty = self.types.enumeration("", MEMBER_SIZE, false, &[value]);
                self.push(name, ty);
            }
        }
    }

    fn part(&mut self, name: &str, size_name: &str, part: Part) {
        match part {
            Part::None => {}
            Part::Size(size) => self.number(size_name, size),
            Part::Typed { ty, .. } => {
                let ty = self.types.ptr(ty);
                self.push(name, ty);
            }
        }
    }

    /// `T *values[]`, which has no size of its own.
    fn values(&mut self, values: &Values) {
        let of = match values {
            Values::Maps(inner) => body(self.types, inner).0,
            Values::Programs(proto) => *proto,
        };
        let pointer = self.types.ptr(of);
        let array = self.types.array_of(pointer, 0);
        let member = self.types.member("values", array, self.size * 8);
        self.members.push(member);
    }
}
