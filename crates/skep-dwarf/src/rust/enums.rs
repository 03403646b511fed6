//! Enumerations with data.
//!
//! ```text
//! enum E { A(u32), B { x: u8 } }      struct E { union { struct { enum E__discr __discr; }; struct E__A A; struct E__B B; }; }
//!                                     enum E__discr { A = 0, B = 1 }
//! ```
//!
//! The discriminant is where the compiler has put it, which may be inside the data of a variant. The variant that has
//! no value is the one that is meant by all others; the tag `rust:default` says which. Values of 16 bytes, which no
//! enumeration of BTF has, are in tags `rust:discr=` of the variants.

use crate::model::{Item, ItemKind, Node, TypeRef, item_flag};
use crate::pool::{Id, Rec};
use crate::reader::{halves, index};
use crate::report::{Skip, Tally};
use crate::shape::{At, Shaper, bit_offset};
use crate::{c, rust};

/// The flag of an enumeration's record: its values are signed.
const SIGNED: u32 = 1;

/// Adds the union of the variants to the record being made.
pub(crate) fn part(shaper: &mut Shaper<'_>, at: At<'_>, owner: &Node, part: u32, tally: &mut Tally) {
    let Some(part) = at.unit.nodes.get(index(part)) else { return };
    let items = at.unit.items(part);
    let start = shaper.words.len();
    shaper.words.extend([Rec::Union.head(0), 0, owner.size]);
    let discriminant = items.iter().find(|item| item.kind == ItemKind::Discriminant);
    let mut members = 0;
    if let Some(item) = discriminant
        && let Some(id) = discriminant_struct(shaper, at, owner, item, items, tally)
    {
        shaper.words.extend([0, id.0, 0, 0]);
        members += 1;
    }
    let (mut default, mut value) = (None, None);
    let mut values = Vec::new();
    let is_wide = discriminant.is_some_and(|item| c::size_of(at, item.ty, 0) == Some(16));
    let is_signed = discriminant.is_some_and(|item| rust::is_signed(at, item.ty));
    for item in items {
        match item.kind {
            ItemKind::Variant if discriminant.is_some() => {
                let is_default = item.flags & item_flag::DEFAULT != 0;
                if is_default {
                    default = Some(members);
                }
                value = if is_wide && !is_default { at.unit.value(item) } else { None };
            }
            ItemKind::Member => {
                let ty = shaper.reference(at, item.ty, tally);
                match bit_offset(item) {
                    // A union's members all start where it does.
                    Ok(0) => shaper.words.extend([item.name.0, ty.0, 0, 0]),
                    Ok(_) => {
                        tally.drop_part(Skip::Unsupported);
                        continue;
                    }
                    Err(why) => {
                        tally.drop_part(why);
                        continue;
                    }
                }
                values.extend(value.take().map(|value| (members, value)));
                members += 1;
            }
            _ => {}
        }
    }
    if members == 0 {
        shaper.words.truncate(start);
        return;
    }
    let union = shaper.finish(at.which(2), start);
    shaper.words.extend([0, union.0, 0, 0]);
    if let Some(default) = default {
        let text = shaper.names.name(b"rust:default");
        shaper.record(at.which(3), &[Rec::DeclTag.head(0), text.0, union.0, default + 1]);
    }
    // No enumeration has values of 16 bytes, so that tags tell them.
    for (member, value) in values {
        let text = format!("rust:discr={}", c::decimal(value, is_signed));
        let text = shaper.names.name(text.as_bytes());
        shaper.record(at.which(3), &[Rec::DeclTag.head(0), text.0, union.0, member + 1]);
    }
}

/// A struct as large as the enumeration that has nothing but the discriminant.
fn discriminant_struct(
    shaper: &mut Shaper<'_>,
    at: At<'_>,
    owner: &Node,
    discriminant: &Item,
    items: &[Item],
    tally: &mut Tally,
) -> Option<Id> {
    let offset = match bit_offset(discriminant) {
        Ok(offset) => offset,
        Err(why) => {
            tally.drop_part(why);
            return None;
        }
    };
    let size = c::size_of(at, discriminant.ty, 0).unwrap_or_default();
    let ty = match u32::try_from(size) {
        Ok(size @ (1 | 2 | 4 | 8)) => values(shaper, at, owner, size, discriminant.ty, items),
        // No enumeration has values of 16 bytes.
        _ => shaper.reference(at, discriminant.ty, tally),
    };
    let name = shaper.names.name(b"__discr");
    let words = [Rec::Struct.head(0), 0, owner.size, name.0, ty.0, offset, 0];
    Some(shaper.record(at.which(1), &words))
}

/// The enumeration of the variants that have a value.
fn values(shaper: &mut Shaper<'_>, at: At<'_>, owner: &Node, size: u32, ty: TypeRef, items: &[Item]) -> Id {
    let is_signed = rust::is_signed(at, ty);
    let scope = rust::own_scope(shaper, at, owner);
    // Its path `E::discr` is spelled `E__discr`.
    let name = shaper.names.name(b"discr");
    let head = Rec::Name.head(0x10 | (Rec::Enum as u32) << 8);
    let name = shaper.record(at, &[head, scope.0, name.0, 0]);
    let start = shaper.words.len();
    shaper.words.extend([Rec::Enum.head(0x10 | if is_signed { SIGNED } else { 0 }), name.0, size]);
    let mut value = None;
    for item in items {
        match item.kind {
            ItemKind::Variant => {
                let is_small = item.flags & (item_flag::DEFAULT | item_flag::TOO_LARGE) == 0;
                value = is_small.then_some(extended(item.value, size, is_signed));
            }
            ItemKind::Member => {
                if let Some(value) = value.take() {
                    let (low, high) = halves(value);
                    shaper.words.extend([item.name.0, low, high]);
                }
            }
            _ => {}
        }
    }
    // The name alone would not do: there may be a second enumeration of that path, with other values.
    shaper.finish(at, start)
}

/// A value of `size` bytes, which is written without its sign, as 64 bits.
fn extended(value: u64, size: u32, is_signed: bool) -> u64 {
    let unused = 64 - size.min(8) * 8;
    if is_signed { (value << unused).cast_signed().wrapping_shr(unused).cast_unsigned() } else { value }
}
