//! What Rust types are in BTF.
//!
//! Their members come in the order of the source, their names are paths, some have no size, and some have variants:
//! nothing of that is what BTF is made for, and the kernel refuses a set as a whole for a single such type. So members
//! are sorted, paths are spelled as identifiers (when they are written, see `path`), numbers are typedefs of the
//! numbers of C, and `enums` makes a union of the variants.

mod enums;
mod numbers;

use crate::c;
use crate::model::{Item, ItemKind, Kind, Node, TypeRef, flag};
use crate::pool::{Id, Rec};
use crate::report::Tally;
use crate::shape::{At, Shaper, bit_offset, lang_bits};

pub(crate) use numbers::base;

/// A struct or union, with or without variants.
pub(crate) fn composite(shaper: &mut Shaper<'_>, at: At<'_>, node: &Node, name: Id, tally: &mut Tally) -> Id {
    let start = shaper.words.len();
    let rec = if node.kind == Kind::Union { Rec::Union } else { Rec::Struct };
    shaper.words.extend([rec.head(lang_bits(node)), name.0, node.size]);
    let members = shaper.words.len();
    for item in at.unit.items(node) {
        match item.kind {
            ItemKind::Member | ItemKind::Base => member(shaper, at, node, item, tally),
            ItemKind::VariantPart => {
                if let Some(part) = at.unit.find(item.ty.0) {
                    enums::part(shaper, at, node, part, tally);
                }
            }
            _ => {}
        }
    }
    sort(&mut shaper.words[members..]);
    shaper.finish(at, start)
}

/// Adds a member of `owner` to the record being made.
fn member(shaper: &mut Shaper<'_>, at: At<'_>, owner: &Node, item: &Item, tally: &mut Tally) {
    let offset = match bit_offset(item) {
        Ok(offset) => offset,
        Err(why) => return tally.drop_part(why),
    };
    let ty = shaper.reference(at, item.ty, tally);
    let size = c::size_of(at, item.ty, 0);
    // The tail of an unsized type is described by one element of it.
    let room = u64::from(owner.size).saturating_mul(8).saturating_sub(offset.into());
    if size.is_some_and(|size| size.saturating_mul(8) > room) {
        let tail = shaper.record(at, &[Rec::Array.head(0), ty.0, 0]);
        shaper.words.extend([item.name.0, tail.0, offset, 0]);
        return;
    }
    if c::is_misplaced_float(at, item.ty, offset) {
        return c::wrapped(shaper, at, item.name, ty, offset, size);
    }
    shaper.words.extend([item.name.0, ty.0, offset, item.bits.into()]);
}

/// Sorts members by where they are.
fn sort(members: &mut [u32]) {
    let (all, _) = members.as_chunks_mut::<4>();
    if !all.is_sorted_by_key(|member| member[2]) {
        all.sort_by_key(|member| member[2]);
    }
}

/// The namespace that a type is for what is declared in it.
fn own_scope(shaper: &mut Shaper<'_>, at: At<'_>, node: &Node) -> Id {
    let parent = shaper.scope(at, node.scope);
    shaper.record(at, &[Rec::Scope.head(0), parent.0, node.name.0])
}

/// Whether the signs of a number's type count.
pub(crate) fn is_signed(at: At<'_>, ty: TypeRef) -> bool {
    use gimli::constants as dw;
    c::find(at, ty).is_some_and(|(_, node)| {
        node.kind == Kind::Base && matches!(node.a, a if a == u32::from(dw::DW_ATE_signed.0) || a == u32::from(dw::DW_ATE_signed_char.0))
            && node.flags & flag::SIZED != 0
    })
}
