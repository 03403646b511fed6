//! Whether a member may be where it is.

use super::blob::{Blob, Item};
use super::refusal::{Fault, Rule};
use super::resolve::{Sized, is_whole_int};
use crate::kind::Kind;

/// Checks the place of a member of `parent`, which is of type `ty` without modifiers. `place` is its third word.
pub(super) fn check(blob: &Blob<'_>, parent: &Item<'_>, place: u32, ty: Sized) -> Result<(), Fault> {
    let (start, width) = parent.place(place);
    let member = Member { parent, start, width, ty };
    if ty.kind == Kind::Int {
        return blob.item(ty.id).map_or(Ok(()), |int| member.int(&int));
    }
    let is_enum = matches!(ty.kind, Kind::Enum | Kind::Enum64);
    if parent.flag && width != 0 {
        // Of an enumeration as of an `int`, whatever its size.
        return if is_enum && width <= ENUM_BITS {
            member.fits(width)
        } else {
            member.wrong(Rule::BitfieldSize, format!("it has {width} bits"))
        };
    }
    if ty.kind == Kind::Float {
        let alignment = ty.size.clamp(1, 8);
        if !start.is_multiple_of(alignment * 8) {
            return member.wrong(
                Rule::FloatAlign,
                format!("it starts at bit {start}, its alignment is {alignment} bytes"),
            );
        }
    } else if !start.is_multiple_of(8) {
        return member.wrong(Rule::MemberAlign, format!("it starts at bit {start}"));
    }
    if parent.flag && is_enum { member.fits(ENUM_BITS) } else { member.fits_bytes(ty.size) }
}

/// What bit-fields of an enumeration have at most.
const ENUM_BITS: u32 = 32;

struct Member<'a, 'b> {
    parent: &'b Item<'a>,
    /// In bits.
    start: u32,
    /// In bits; 0 for what is no bit-field.
    width: u32,
    ty: Sized,
}

impl Member<'_, '_> {
    fn int(&self, int: &Item<'_>) -> Result<(), Fault> {
        let [data] = int.first();
        let (bits, offset) = (data & 0xff, data >> 16 & 0xff);
        if !self.parent.flag {
            let Some(start) = self.start.checked_add(offset) else {
                return self.wrong(Rule::MemberBits, format!("it starts at bit {} and {offset}", self.start));
            };
            return self.int_fits(start, bits);
        }
        if !is_whole_int(int) {
            return self.wrong(
                Rule::BitfieldBase,
                format!(
                    "its type [{}] has {bits} bits at bit {offset} of {} bytes",
                    self.ty.id, self.ty.size
                ),
            );
        }
        if self.width > bits {
            return self.wrong(Rule::BitfieldSize, format!("it has {} bits, its type {bits}", self.width));
        }
        if self.width == 0 && !self.start.is_multiple_of(8) {
            return self.wrong(Rule::BitfieldStart, format!("it starts at bit {}", self.start));
        }
        self.int_fits(self.start, if self.width == 0 { bits } else { self.width })
    }

    fn int_fits(&self, start: u32, bits: u32) -> Result<(), Fault> {
        let from_byte = bits + start % 8;
        if from_byte > 128 {
            return self.wrong(Rule::CopyBits, format!("it has {bits} bits at bit {start}"));
        }
        self.ends_at(u64::from(start / 8) + u64::from(from_byte.div_ceil(8)))
    }

    fn fits(&self, bits: u32) -> Result<(), Fault> {
        self.ends_at((u64::from(self.start) + u64::from(bits)).div_ceil(8))
    }

    fn fits_bytes(&self, bytes: u32) -> Result<(), Fault> {
        self.ends_at(u64::from(self.start / 8) + u64::from(bytes))
    }

    /// The end in bytes.
    fn ends_at(&self, end: u64) -> Result<(), Fault> {
        let size = self.parent.arg;
        if end <= u64::from(size) {
            return Ok(());
        }
        self.wrong(Rule::MemberEnd, format!("it ends at byte {end} of {size}"))
    }

    fn wrong(&self, rule: Rule, found: String) -> Result<(), Fault> {
        Err(Fault::new(rule, self.parent.id, found))
    }
}
