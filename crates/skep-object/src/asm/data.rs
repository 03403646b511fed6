//! Directives that make data.

use skep_insn::Endian;

use super::cursor::{Cursor, Name};
use super::diag::{Fault, Parsed};
use super::expr::{Base, Value};
use super::section::{Fixup, FixupKind};
use super::source::Span;
use super::unit::Unit;

/// The greatest alignment, in bytes.
const MAX_ALIGN: u64 = 1 << 20;

/// Whether the current section takes data; if not, the rest of the statement is passed over.
fn begin<'s>(unit: &mut Unit<'s>, cursor: &mut Cursor<'s>) -> bool {
    let wanted = unit.section_mut().begin_data();
    if !wanted {
        cursor.take_rest();
    }
    wanted
}

/// `.byte 1, 2, 'a'`, `.quad symbol + 8`
pub(super) fn numbers<'s>(unit: &mut Unit<'s>, name: &Name<'s>, cursor: &mut Cursor<'s>) -> Parsed<()> {
    if !begin(unit, cursor) || cursor.is_at_end() {
        return Ok(());
    }
    let size = match &*name.text {
        ".byte" => 1,
        ".2byte" | ".short" | ".hword" | ".half" | ".value" => 2,
        ".4byte" | ".long" | ".word" | ".int" => 4,
        _ => 8,
    };
    loop {
        let start = cursor.next_span();
        let expr = unit.expr(cursor)?;
        let at = cursor.since(start);
        let value = unit.evaluator(|evaluator| evaluator.value(&expr));
        // What is known is written at once; the rest waits for the end of the file.
        match value {
            Ok(Value { base: None, number }) => {
                let bytes = encode(number, size, unit.endian).ok_or_else(|| too_large(number, size, at))?;
                unit.section_mut().push_bytes(&bytes[..usize::from(size)], at)?;
            }
            _ => {
                let offset = unit.section().len();
                unit.section_mut().push_zeros(size.into(), at)?;
                unit.section_mut().fixups.push(Fixup { offset, kind: FixupKind::Data(size), expr, at });
            }
        }
        if !cursor.eat(",") {
            return cursor.expect_end();
        }
    }
}

/// The first `size` of the bytes are the number; `None` if it does not fit, as signed or unsigned.
pub(super) fn encode(number: i64, size: u8, endian: Endian) -> Option<[u8; 8]> {
    let bits = u32::from(size) * 8;
    if bits < 64 && !(-(1i64 << (bits - 1))..1i64 << bits).contains(&number) {
        return None;
    }
    let mut bytes = number.to_le_bytes();
    if endian == Endian::Big {
        bytes[..usize::from(size)].reverse();
    }
    Some(bytes)
}

pub(super) fn too_large(number: i64, size: u8, at: Span) -> Fault {
    let bits = u32::from(size) * 8;
    let (least, most) = (-(1i128 << (bits - 1)), (1i128 << bits) - 1);
    let bytes = if size == 1 { "1 byte".to_string() } else { format!("{size} bytes") };
    Fault::new(at, format!("{number} does not fit in {bytes}; expected {least} to {most}"))
}

/// `.ascii "a", "b"`, and with a zero behind each `.asciz`.
pub(super) fn strings<'s>(unit: &mut Unit<'s>, name: &Name<'s>, cursor: &mut Cursor<'s>) -> Parsed<()> {
    if !begin(unit, cursor) {
        return Ok(());
    }
    loop {
        let (mut bytes, mut at) = cursor.string()?;
        // Strings side by side are one, as in C.
        while cursor.peek() == Some('"') {
            let (more, end) = cursor.string()?;
            bytes.extend(more);
            at = at.to(end);
        }
        if name.text != ".ascii" {
            bytes.push(0);
        }
        unit.section_mut().push_bytes(&bytes, at)?;
        if !cursor.eat(",") {
            return cursor.expect_end();
        }
    }
}

/// A number that is no less than 0 and counts something.
fn count<'s>(unit: &mut Unit<'s>, cursor: &mut Cursor<'s>, what: &str) -> Parsed<(u64, Span)> {
    let (number, at) = unit.number(cursor)?;
    match u64::try_from(number) {
        Ok(count) => Ok((count, at)),
        Err(_) => Err(Fault::new(at, format!("{what} of {number}; expected 0 or more"))),
    }
}

/// A byte to fill with.
fn byte<'s>(unit: &mut Unit<'s>, cursor: &mut Cursor<'s>) -> Parsed<u8> {
    let (number, at) = unit.number(cursor)?;
    let bytes = encode(number, 1, Endian::Little).ok_or_else(|| too_large(number, 1, at))?;
    Ok(bytes[0])
}

/// `.zero count[, byte]`
pub(super) fn space<'s>(unit: &mut Unit<'s>, _: &Name<'s>, cursor: &mut Cursor<'s>) -> Parsed<()> {
    if !begin(unit, cursor) {
        return Ok(());
    }
    let (count, at) = count(unit, cursor, "a size")?;
    let byte = if cursor.eat(",") { byte(unit, cursor)? } else { 0 };
    cursor.expect_end()?;
    unit.section_mut().push_repeated(count, &[byte], at)
}

/// `.fill count[, size[, value]]`
pub(super) fn fill<'s>(unit: &mut Unit<'s>, _: &Name<'s>, cursor: &mut Cursor<'s>) -> Parsed<()> {
    if !begin(unit, cursor) {
        return Ok(());
    }
    let (count, at) = count(unit, cursor, "a count")?;
    let (mut size, mut bytes) = (1, [0; 8]);
    if cursor.eat(",") {
        let (number, at) = unit.number(cursor)?;
        size = match u8::try_from(number) {
            Ok(size @ (1 | 2 | 4 | 8)) => size,
            _ => return Err(Fault::new(at, format!("a size of {number} bytes; expected 1, 2, 4 or 8"))),
        };
        if cursor.eat(",") {
            let (number, at) = unit.number(cursor)?;
            bytes = encode(number, size, unit.endian).ok_or_else(|| too_large(number, size, at))?;
        }
    }
    cursor.expect_end()?;
    unit.section_mut().push_repeated(count, &bytes[..usize::from(size)], at)
}

/// `.org offset[, byte]`
pub(super) fn org<'s>(unit: &mut Unit<'s>, _: &Name<'s>, cursor: &mut Cursor<'s>) -> Parsed<()> {
    if !begin(unit, cursor) {
        return Ok(());
    }
    let start = cursor.next_span();
    let expr = unit.expr(cursor)?;
    let at = cursor.since(start);
    let byte = if cursor.eat(",") { byte(unit, cursor)? } else { 0 };
    cursor.expect_end()?;
    let current = unit.current;
    let target = unit.evaluator(|evaluator| {
        let value = evaluator.value(&expr)?;
        match (value.base, evaluator.place(value)) {
            (None, _) => Ok(value.number),
            (_, Some(loc)) if loc.section == current => Ok(loc.offset.cast_signed()),
            _ => Err(Fault::new(at, "expected an offset, or a place in this section")),
        }
    })?;
    let len = unit.section().len();
    match u64::try_from(target).ok().and_then(|target| target.checked_sub(len)) {
        Some(missing) => unit.section_mut().push_repeated(missing, &[byte], at),
        None => {
            Err(Fault::new(at, format!("'.org {target}' goes back; the section is {len} bytes long already")))
        }
    }
}

/// `.uleb128 number`
pub(super) fn leb128<'s>(unit: &mut Unit<'s>, name: &Name<'s>, cursor: &mut Cursor<'s>) -> Parsed<()> {
    if !begin(unit, cursor) {
        return Ok(());
    }
    loop {
        let (number, at) = unit.number(cursor)?;
        let bytes = leb128_bytes(number, name.text == ".sleb128");
        unit.section_mut().push_bytes(&bytes, at)?;
        if !cursor.eat(",") {
            return cursor.expect_end();
        }
    }
}

fn leb128_bytes(number: i64, signed: bool) -> Vec<u8> {
    let mut rest = if signed { i128::from(number) } else { i128::from(number.cast_unsigned()) };
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(rest & 0x7f).unwrap_or(0);
        rest >>= 7;
        let done = if signed { rest == if low & 0x40 == 0 { 0 } else { -1 } } else { rest == 0 };
        bytes.push(if done { low } else { low | 0x80 });
        if done {
            return bytes;
        }
    }
}

/// `.balign 8[, byte[, most]]`; `.align` is the same, `.p2align 3` says it as a power of two.
pub(super) fn align<'s>(unit: &mut Unit<'s>, name: &Name<'s>, cursor: &mut Cursor<'s>) -> Parsed<()> {
    if unit.is_ignored() {
        cursor.take_rest();
        return Ok(());
    }
    let start = cursor.next_span();
    let align = match &*name.text {
        ".p2align" => {
            let (power, at) = unit.number(cursor)?;
            let align = u32::try_from(power).ok().and_then(|power| 1u64.checked_shl(power));
            align.filter(|&align| align <= MAX_ALIGN).ok_or_else(|| {
                let most = MAX_ALIGN.trailing_zeros();
                Fault::new(
                    at,
                    format!("an alignment to 2^{power}; expected 0 to {most}, as the power of two"),
                )
            })?
        }
        _ => alignment(unit, cursor, 0)?,
    };
    let mut fill = 0;
    let mut most = None;
    if cursor.eat(",") {
        if cursor.peek() != Some(',') {
            fill = byte(unit, cursor)?;
        }
        if cursor.eat(",") {
            most = Some(count(unit, cursor, "a limit")?.0);
        }
    }
    cursor.expect_end()?;
    let at = cursor.since(start);
    let endian = unit.endian;
    let section = unit.section_mut();
    let missing = section.len().next_multiple_of(align.max(1)) - section.len();
    if most.is_some_and(|most| missing > most) {
        return Ok(());
    }
    section.pad(align.max(1), fill, endian, at)
}

/// An alignment in bytes, a power of two, at least `least`.
pub(super) fn alignment<'s>(unit: &mut Unit<'s>, cursor: &mut Cursor<'s>, least: u64) -> Parsed<u64> {
    let (number, at) = unit.number(cursor)?;
    match u64::try_from(number) {
        Ok(0) if least == 0 => Ok(1),
        Ok(align) if align.is_power_of_two() && align <= MAX_ALIGN => Ok(align),
        _ => Err(Fault::new(
            at,
            format!("an alignment of {number} bytes; expected a power of two up to {MAX_ALIGN}"),
        )),
    }
}

/// What an address is worth where types stand: its offset in its section.
pub(super) fn offset_in_section(value: Value, place: Option<super::symbols::Loc>) -> i64 {
    match (value.base, place) {
        (Some(Base::Symbol(_) | Base::Section(_)), Some(loc)) => loc.offset.cast_signed(),
        _ => value.number,
    }
}
