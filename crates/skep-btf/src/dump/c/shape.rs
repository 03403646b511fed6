//! Size and alignment of types as they are written in C.

use crate::dump::c::Printer;
use crate::dump::c::names::{float_word, int_word};
use crate::types::{Type, TypeId};

/// In bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) size: u64,
    pub(super) align: u64,
}

/// How many typedefs, qualifiers and array levels are followed.
const MAX_CHAIN: usize = 1024;

impl Printer<'_, '_> {
    /// `None` for what no member can be: void, functions, declarations, and structs that are not defined yet, which
    /// contain themselves.
    pub(super) fn shape(&self, mut id: TypeId) -> Option<Shape> {
        let mut elements = 1_u64;
        for _ in 0..MAX_CHAIN {
            let (size, align) = match self.btf.ty(id) {
                Type::Int(int) => (int.size, if int_word(&int).is_some() { int.size } else { 1 }),
                Type::Float { size } => (size, if float_word(size).is_some() { size } else { 1 }),
                Type::Ptr(_) => (8, 8),
                Type::Enum(e) | Type::Enum64(e) if matches!(e.size, 1 | 2 | 4 | 8) => (e.size, e.size),
                Type::Enum(e) | Type::Enum64(e) => (e.size, 1),
                Type::Struct(composite) | Type::Union(composite) => {
                    let align =
                        self.aligns.get(crate::bytes::index(id.0)).copied().filter(|&align| align > 0)?;
                    (composite.size, align.into())
                }
                Type::Array(array) => {
                    elements = elements.checked_mul(array.len.into())?;
                    id = array.elem;
                    continue;
                }
                other => {
                    id = other.modified()?;
                    continue;
                }
            };
            let size = elements.checked_mul(size.into())?;
            return Some(Shape { size, align: align.into() });
        }
        None
    }

    /// Whether a member of the type is written as bytes: C has no such enumeration, or there is too much of it.
    pub(super) fn is_opaque(&self, mut id: TypeId) -> bool {
        for _ in 0..MAX_CHAIN {
            match self.btf.ty(id) {
                Type::Enum(e) | Type::Enum64(e) if !matches!(e.size, 1 | 2 | 4 | 8) => return true,
                Type::Struct(_) | Type::Union(_) | Type::Enum(_) | Type::Enum64(_) => {
                    return self.names.of(id).is_empty() && !self.may_inline(id);
                }
                Type::Array(array) => id = array.elem,
                Type::Typedef(_) if self.is_written(id) => return false,
                other => match other.modified() {
                    Some(inner) => id = inner,
                    None => return false,
                },
            }
        }
        true
    }
}
