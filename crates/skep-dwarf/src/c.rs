//! What C types are in BTF.

use gimli::constants as dw;
use skep_btf::IntEncoding;

use crate::model::{Item, ItemKind, Kind, Node, TypeRef, flag, item_flag};
use crate::names::Name;
use crate::pool::{Id, Rec};
use crate::reader::{halves, word};
use crate::report::{Skip, Tally};
use crate::rust;
use crate::shape::{At, Shaper, bit_offset, lang_bits};

/// Whether a base type of that encoding is a floating-point number.
pub(crate) fn is_float(encoding: u32) -> bool {
    matches!(
        gimli::DwAte(u8::try_from(encoding).unwrap_or_default()),
        dw::DW_ATE_float | dw::DW_ATE_complex_float | dw::DW_ATE_imaginary_float | dw::DW_ATE_decimal_float
    )
}

/// An integer or floating-point type.
pub(crate) fn base(shaper: &mut Shaper<'_>, at: At<'_>, node: &Node) -> Id {
    let scope = shaper.scope(at, node.scope);
    let encoding = gimli::DwAte(u8::try_from(node.a).unwrap_or_default());
    if is_float(node.a) && matches!(node.size, 2 | 4 | 8 | 12 | 16) {
        return shaper.record(at, &[Rec::Float.head(lang_bits(node)), scope.0, node.name.0, node.size]);
    }
    let encoding = match encoding {
        dw::DW_ATE_boolean => IntEncoding::Bool,
        dw::DW_ATE_signed | dw::DW_ATE_signed_char => IntEncoding::Signed,
        _ => IntEncoding::Unsigned,
    };
    let bits = node.size.saturating_mul(8).min(128);
    int(shaper, at, &[lang_bits(node), scope.0, node.name.0], node.size, bits, encoding)
}

/// An integer: language, scope and name; size in bytes; how many bits are used.
pub(crate) fn int(
    shaper: &mut Shaper<'_>,
    at: At<'_>,
    name: &[u32; 3],
    size: u32,
    bits: u32,
    encoding: IntEncoding,
) -> Id {
    let [lang, scope, name] = *name;
    let word = u32::from(encoding as u8) << 24 | bits;
    shaper.record(at, &[Rec::Int.head(lang), scope, name, size, word])
}

/// A struct or union.
pub(crate) fn composite(shaper: &mut Shaper<'_>, at: At<'_>, node: &Node, name: Id, tally: &mut Tally) -> Id {
    let start = shaper.words.len();
    let rec = if node.kind == Kind::Union { Rec::Union } else { Rec::Struct };
    shaper.words.extend([rec.head(lang_bits(node)), name.0, node.size]);
    for item in at.unit.items(node) {
        if matches!(item.kind, ItemKind::Member | ItemKind::Base) {
            member(shaper, at, item, tally);
        }
    }
    shaper.finish(at, start)
}

/// Adds a member to the record being made.
#[inline]
pub(crate) fn member(shaper: &mut Shaper<'_>, at: At<'_>, item: &Item, tally: &mut Tally) {
    let mut item = *item;
    if item.flags & item_flag::OLD_STORAGE != 0 {
        let size = size_of(at, item.ty, 0).unwrap_or_default();
        item.value = item.value.wrapping_add(size.wrapping_mul(8));
    }
    match bit_offset(&item) {
        Ok(offset) => {
            let ty = shaper.reference(at, item.ty, tally);
            if is_misplaced_float(at, item.ty, offset) {
                wrapped(shaper, at, item.name, ty, offset, size_of(at, item.ty, 0));
            } else {
                shaper.words.extend([item.name.0, ty.0, offset, item.bits.into()]);
            }
        }
        Err(why) => tally.drop_part(why),
    }
}

/// Whether a member that starts at that bit is a floating-point number where the kernel takes none: it wants them
/// aligned to their size, but to 8 bytes at most.
pub(crate) fn is_misplaced_float(at: At<'_>, ty: TypeRef, offset: u32) -> bool {
    let may_be = !offset.is_multiple_of(64) && (at.unit.has_floats || !at.unit.externals.is_empty());
    may_be
        && find(at, ty).is_some_and(|(_, node)| {
            let align = node.size.clamp(1, 8) * 8;
            node.kind == Kind::Base && is_float(node.a) && !offset.is_multiple_of(align)
        })
}

/// Adds a member of that size as the only one of an unnamed union, which may be anywhere. To a program it is the same.
pub(crate) fn wrapped(
    shaper: &mut Shaper<'_>,
    at: At<'_>,
    name: Name,
    ty: Id,
    offset: u32,
    size: Option<u64>,
) {
    let size = size.map_or(0, word);
    let union = shaper.record(at, &[Rec::Union.head(0), 0, size, name.0, ty.0, 0, 0]);
    shaper.words.extend([0, union.0, offset, 0]);
}

/// What a reference leads to behind typedefs and qualifiers.
pub(crate) fn find<'u>(at: At<'u>, to: TypeRef) -> Option<(At<'u>, &'u Node)> {
    let (mut at, mut to) = (at, to);
    for _ in 0..MAX_CHAIN {
        let (there, node) = at.follow(to)?;
        match node.kind {
            Kind::Typedef | Kind::Const | Kind::Volatile | Kind::Restrict | Kind::Same => {
                (at, to) = (there, node.ty);
            }
            _ => return Some((there, node)),
        }
    }
    None
}

/// No source has longer chains of typedefs and qualifiers, or deeper arrays.
const MAX_CHAIN: u32 = 32;

/// The size of what a reference leads to, in bytes.
pub(crate) fn size_of(at: At<'_>, to: TypeRef, depth: u32) -> Option<u64> {
    let (there, node) = find(at, to)?;
    match node.kind {
        Kind::Pointer => Some(there.unit.bases.address_size.into()),
        Kind::Array if depth < MAX_CHAIN => {
            let element = size_of(there, node.ty, depth + 1)?;
            let mut counts = there.unit.items(node).iter().map(|item| item.value);
            counts.try_fold(element, |size: u64, count| size.checked_mul(count))
        }
        _ => (node.flags & flag::SIZED != 0).then_some(node.size.into()),
    }
}

/// An enumeration.
pub(crate) fn enumeration(
    shaper: &mut Shaper<'_>,
    at: At<'_>,
    node: &Node,
    name: Id,
    tally: &mut Tally,
) -> Id {
    if node.size > 8 {
        return wide_enumeration(shaper, at, node, name, tally);
    }
    let start = shaper.words.len();
    // Values of 8 bytes are signed if their type is; others if one of them is negative.
    let signed = node.flags & flag::SIGNED != 0;
    shaper.words.extend([Rec::Enum.head(lang_bits(node) | u32::from(signed)), name.0, node.size]);
    for item in at.unit.items(node) {
        if item.kind != ItemKind::Enumerator {
            continue;
        }
        if item.flags & item_flag::TOO_LARGE != 0 {
            tally.drop_part(Skip::TooLarge);
            continue;
        }
        let (low, high) = halves(item.value);
        shaper.words.extend([item.name.0, low, high]);
    }
    shaper.finish(at, start)
}

/// An enumeration that is larger than the kernel takes: a typedef of a number, with a tag for each value.
fn wide_enumeration(shaper: &mut Shaper<'_>, at: At<'_>, node: &Node, name: Id, tally: &mut Tally) -> Id {
    let number = if node.ty.is_none() {
        let name = shaper.names.name(b"__int128 unsigned");
        let bits = node.size.saturating_mul(8).min(128);
        int(shaper, at, &[0, 0, name.0], node.size, bits, IntEncoding::Unsigned)
    } else {
        shaper.reference(at, node.ty, tally)
    };
    let is_signed = rust::is_signed(at, node.ty);
    let start = shaper.words.len();
    shaper.words.extend([Rec::Wide.head(lang_bits(node)), name.0, number.0]);
    for item in at.unit.items(node).iter().filter(|item| item.kind == ItemKind::Enumerator) {
        // What has no name is no typedef, and numbers take no tags.
        let Some(value) = at.unit.value(item).filter(|_| !name.is_void()) else {
            tally.drop_part(Skip::TooLarge);
            continue;
        };
        let name = shaper.names.text(item.name);
        let text = format!("rust:value={}={}", String::from_utf8_lossy(&name), decimal(value, is_signed));
        shaper.words.push(shaper.names.name(text.as_bytes()).0);
    }
    if name.is_void() {
        shaper.words.truncate(start);
        return number;
    }
    shaper.finish(at, start)
}

/// A value of 16 bytes, as people write it.
pub(crate) fn decimal(value: u128, is_signed: bool) -> String {
    if is_signed { value.cast_signed().to_string() } else { value.to_string() }
}
