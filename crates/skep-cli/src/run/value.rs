//! Keys and values of maps as text: by their types where the program tells them, else by what they look like.

use std::cell::Cell;
use std::fmt::{self, Display, Formatter};

use skep::btf::{Btf, Enum, IntEncoding, Member, Type, TypeId};

/// Bytes with their type, if that is known.
pub(crate) struct Value<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) ty: Option<(&'a Btf, TypeId)>,
}

impl Display for Value<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.ty {
            Some((btf, ty)) if btf.size_of(ty) == Some(self.bytes.len() as u64) => {
                Types { btf, left: Cell::new(ELEMENTS) }.typed(ty, self.bytes, 0, f)
            }
            _ => untyped(self.bytes, f),
        }
    }
}

/// How deep structs and arrays are followed; types can be damaged.
const DEPTH: u32 = 16;

/// How many members and elements are shown of a value: damaged types can put any number of them into each byte.
const ELEMENTS: usize = 1000;

/// The types of a value, and how many elements of it may still be shown.
struct Types<'a> {
    btf: &'a Btf,
    left: Cell<usize>,
}

impl Types<'_> {
    fn typed(&self, ty: TypeId, bytes: &[u8], depth: u32, f: &mut Formatter<'_>) -> fmt::Result {
        let btf = self.btf;
        let Some(ty) = btf.resolve(ty).filter(|_| depth < DEPTH) else { return self.untyped(bytes, f) };
        match btf.ty(ty) {
            Type::Int(int) => match (int.encoding, number(bytes)) {
                (IntEncoding::Bool, Some(0)) => f.write_str("false"),
                (IntEncoding::Bool, Some(1)) => f.write_str("true"),
                (IntEncoding::Signed | IntEncoding::SignedChar, Some(value)) => {
                    sign(value, bytes.len()).fmt(f)
                }
                (_, Some(value)) => value.fmt(f),
                (_, None) => hex(bytes, f),
            },
            Type::Ptr(_) => match number(bytes) {
                Some(value) => write!(f, "{value:#x}"),
                None => hex(bytes, f),
            },
            Type::Enum(enumeration) | Type::Enum64(enumeration) => enumerator(btf, enumeration, bytes, f),
            Type::Array(array) => {
                let elem = btf.size_of(array.elem).and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
                if elem == 0 {
                    return hex(bytes, f);
                }
                if elem == 1 && is_text(bytes) {
                    self.spend(bytes);
                    return text(bytes, f);
                }
                self.list('[', ']', bytes.chunks(elem), f, |bytes, f| {
                    self.typed(array.elem, bytes, depth + 1, f)
                })
            }
            Type::Struct(composite) => self.list('{', '}', composite.members.iter(), f, |member, f| {
                let name = btf.string(member.name);
                if !name.is_empty() {
                    write!(f, "{name}=")?;
                }
                self.member(member, bytes, depth + 1, f)
            }),
            _ => self.untyped(bytes, f),
        }
    }

    fn member(&self, member: &Member, bytes: &[u8], depth: u32, f: &mut Formatter<'_>) -> fmt::Result {
        if member.bitfield_size > 0 {
            return match bits(member, bytes) {
                Some(value) => value.fmt(f),
                None => f.write_str("?"),
            };
        }
        let place = || {
            let start = usize::try_from(member.byte_offset()?).ok()?;
            let size = usize::try_from(self.btf.size_of(member.ty)?).ok()?;
            bytes.get(start..start.checked_add(size)?)
        };
        match place() {
            Some(bytes) => self.typed(member.ty, bytes, depth, f),
            None => f.write_str("?"),
        }
    }

    fn list<T>(
        &self,
        open: char,
        close: char,
        items: impl Iterator<Item = T>,
        f: &mut Formatter<'_>,
        show: impl Fn(T, &mut Formatter<'_>) -> fmt::Result,
    ) -> fmt::Result {
        write!(f, "{open}")?;
        for (nth, item) in items.enumerate() {
            if nth > 0 {
                f.write_str(", ")?;
            }
            let Some(left) = self.left.get().checked_sub(1) else {
                f.write_str("...")?;
                break;
            };
            self.left.set(left);
            show(item, f)?;
        }
        write!(f, "{close}")
    }

    fn untyped(&self, bytes: &[u8], f: &mut Formatter<'_>) -> fmt::Result {
        self.spend(bytes);
        untyped(bytes, f)
    }

    /// Bytes shown in one piece count as well: as many elements as they hold numbers.
    fn spend(&self, bytes: &[u8]) {
        self.left.set(self.left.get().saturating_sub(bytes.len() / 8));
    }
}

/// The value of a bit-field, without its sign.
fn bits(member: &Member, bytes: &[u8]) -> Option<u64> {
    let start = usize::try_from(member.bit_offset).ok()?;
    let bit = |nth: usize| {
        let byte = u64::from(*bytes.get(nth / 8)?);
        // Of big-endian numbers the first bit is the highest.
        let place = if cfg!(target_endian = "little") { nth % 8 } else { 7 - nth % 8 };
        Some(byte >> place & 1)
    };
    let order = start..start + usize::from(member.bitfield_size);
    let add = |value, nth| Some(value << 1 | bit(nth)?);
    if cfg!(target_endian = "little") { order.rev().try_fold(0, add) } else { order.clone().try_fold(0, add) }
}

fn enumerator(btf: &Btf, enumeration: Enum<'_>, bytes: &[u8], f: &mut Formatter<'_>) -> fmt::Result {
    let Some(value) = number(bytes) else { return hex(bytes, f) };
    let value = if enumeration.signed { i128::from(sign(value, bytes.len())) } else { value.into() };
    match enumeration.values.iter().find(|known| enumeration.number(known) == value) {
        Some(known) => f.write_str(btf.string(known.name)),
        None => value.fmt(f),
    }
}

/// Bytes as a number if they are as many as one has, as text if they are that, else in hex.
fn untyped(bytes: &[u8], f: &mut Formatter<'_>) -> fmt::Result {
    match number(bytes) {
        Some(number) => number.fmt(f),
        None if is_text(bytes) => text(bytes, f),
        None => hex(bytes, f),
    }
}

fn number(bytes: &[u8]) -> Option<u64> {
    Some(match *bytes {
        [a] => u64::from(a),
        [a, b] => u16::from_ne_bytes([a, b]).into(),
        [a, b, c, d] => u32::from_ne_bytes([a, b, c, d]).into(),
        [a, b, c, d, e, g, h, i] => u64::from_ne_bytes([a, b, c, d, e, g, h, i]),
        _ => return None,
    })
}

/// The number that this many bytes stand for if they have a sign.
fn sign(value: u64, bytes: usize) -> i64 {
    let unused = 64 - 8 * u32::try_from(bytes).unwrap_or(8).min(8);
    (value << unused).cast_signed() >> unused
}

/// Whether bytes are readable characters, with zeros behind them.
fn is_text(bytes: &[u8]) -> bool {
    let len = text_len(bytes);
    let readable = |text: &str| !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t'));
    len > 0
        && bytes[len..].iter().all(|&byte| byte == 0)
        && std::str::from_utf8(&bytes[..len]).is_ok_and(readable)
}

fn text(bytes: &[u8], f: &mut Formatter<'_>) -> fmt::Result {
    write!(f, "{:?}", String::from_utf8_lossy(&bytes[..text_len(bytes)]))
}

fn text_len(bytes: &[u8]) -> usize {
    bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len())
}

fn hex(bytes: &[u8], f: &mut Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use skep::btf::{Btf, IntEncoding};

    use super::Value;

    #[test]
    fn values_without_types_are_what_they_look_like() {
        let check = |bytes: &[u8], expected: &str| {
            assert_eq!(Value { bytes, ty: None }.to_string(), expected, "{bytes:?}");
        };
        check(&[7], "7");
        check(&300u16.to_ne_bytes(), "300");
        check(&u64::MAX.to_ne_bytes(), "18446744073709551615");
        check(b"skep\0\0", "\"skep\"");
        check("h\u{f6}\"he\0".as_bytes(), "\"h\u{f6}\\\"he\"");
        check(b"skep\0x", "736b65700078");
        check(&[0; 3], "000000");
        check(&[], "");
    }

    #[test]
    fn values_with_types_are_shown_by_them() {
        let mut types = Btf::builder();
        let int = types.int("int", 4, IntEncoding::Signed);
        let long = types.int("unsigned long", 8, IntEncoding::Unsigned);
        let bool = types.int("bool", 1, IntEncoding::Bool);
        let char = types.int("char", 1, IntEncoding::Signed);
        let name = types.array(char, int, 6);
        let pair = types.array(int, int, 2);
        let pointer = types.ptr(char);
        let btf = types.build().unwrap();
        let check = |ty, bytes: &[u8], expected: &str| {
            assert_eq!(Value { bytes, ty: Some((&btf, ty)) }.to_string(), expected, "{bytes:?}");
        };
        check(int, &(-5i32).to_ne_bytes(), "-5");
        check(long, &u64::MAX.to_ne_bytes(), "18446744073709551615");
        check(bool, &[1], "true");
        check(bool, &[2], "2");
        check(char, &[0xff], "-1");
        check(name, b"abc\0\0\0", "\"abc\"");
        check(name, b"a\xff\0\0\0\0", "[97, -1, 0, 0, 0, 0]");
        check(pair, &[1i32, -1].map(i32::to_ne_bytes).concat(), "[1, -1]");
        check(pointer, &0x1000u64.to_ne_bytes(), "0x1000");
        // A type that does not fit says nothing.
        check(int, &[1, 2, 3], "010203");
    }

    #[test]
    fn of_values_with_more_elements_than_bytes_some_are_shown() {
        let mut types = Btf::builder();
        let int = types.int("int", 4, IntEncoding::Signed);
        let blob = types.union("blob", 1 << 20, &[]);
        let ints = types.array(int, int, 1 << 18);
        let mut wide = |inner, size| {
            let members = vec![types.member("a", inner, 0); 2000];
            types.structure("wide", size, &members)
        };
        let nested = (0..8).fold(int, |inner, _| wide(inner, 4));
        let blobs = wide(blob, 1 << 20);
        let btf = types.build().unwrap();
        let check = |ty, bytes: &[u8], start: &str, end: &str| {
            let text = Value { bytes, ty: Some((&btf, ty)) }.to_string();
            assert!(text.starts_with(start) && text.ends_with(end), "{:.40}, {} bytes", text, text.len());
            assert!(text.len() <= 2 * bytes.len() + 20_000, "{} bytes", text.len());
        };
        check(
            nested,
            &[5, 0, 0, 0],
            "{a={a={a={a={a={a={a={a=5, a=5, ",
            ", a=5, ...}, ...}, ...}, ...}, ...}, ...}, ...}, ...}",
        );
        check(blobs, &[0xff; 1 << 20], "{a=ffff", "ffff, ...}");
        check(ints, &[0; 1 << 20], "[0, 0, ", ", 0, ...]");
    }
}
