//! Bytes to a set of types.

use std::sync::Arc;

use crate::btf::Btf;
use crate::bytes::{Endian, Header, Part, index, len64, word};
use crate::check;
use crate::error::{Error, FieldName, Section};
use crate::kind::{Arg, Flag, Kind, Row, Vlen, row};
use crate::opaque::Lengths;
use crate::store::{Record, Store};
use crate::strings::Strings;
use crate::types::{Enumerator, IntEncoding, Linkage, Member, Param, SecVar, StrRef, TypeId};

/// The header without a layout.
const HEADER_MIN: u32 = 24;
/// The header with the place of a layout, which tells old readers how long types of new kinds are.
const HEADER_KNOWN: u32 = 32;

pub(crate) fn btf(bytes: &[u8], base: Option<Arc<Btf>>) -> Result<Btf, Error> {
    let Parts { endian, types, strings, lengths } = parts(bytes)?;
    let strings = string_table(strings, base.as_deref())?;
    let first = base.as_ref().map_or(0, |base| base.count());
    let (store, used) = match endian {
        Endian::Little => decode::<false>(types, first, lengths)?,
        Endian::Big => decode::<true>(types, first, lengths)?,
    };
    let btf = Btf::from_parts(base, strings, store);
    // The rare path knows which type is at fault, and looks again at each reference to find it.
    if used.type_id.0 > btf.count() || used.string.0 >= btf.strings().end() || !btf.is_ascii() {
        check::references(&btf, types.start)?;
    }
    Ok(btf)
}

/// What a section is made of.
pub(crate) struct Parts<'a> {
    pub(crate) endian: Endian,
    pub(crate) types: Part<'a>,
    pub(crate) strings: Part<'a>,
    pub(crate) lengths: Lengths,
}

pub(crate) fn parts(bytes: &[u8]) -> Result<Parts<'_>, Error> {
    let header = Header::read(Section::Btf, bytes, HEADER_MIN, HEADER_KNOWN)?;
    let types = header.part(8, "the type section")?;
    let strings = header.part(16, "the string section")?;
    let layout = header.part(24, "the layout section")?;
    check_parts(&header, bytes, &[types, layout, strings])?;
    Ok(Parts { endian: header.endian, types, strings, lengths: Lengths::read(&layout) })
}

/// Whether the strings go on where others end.
pub(crate) fn needs_base(bytes: &[u8]) -> bool {
    let header = Header::read(Section::Btf, bytes, HEADER_MIN, HEADER_KNOWN);
    header
        .and_then(|header| header.part(16, "the string section"))
        .is_ok_and(|part| part.bytes.first() != Some(&0))
}

/// The parts lie in this order, aligned, and nothing but zeros is between and behind them.
fn check_parts(header: &Header<'_>, bytes: &[u8], parts: &[Part<'_>]) -> Result<(), Error> {
    let fields = [(8, "type_off"), (24, "layout_off"), (16, "str_off")];
    let mut end = header.len;
    for (part, (offset, field)) in parts.iter().zip(fields) {
        let wrong = |expected: String| {
            let found = header.word(offset).into();
            Err(Error::Header { section: Section::Btf, offset, field, found, expected })
        };
        if part.bytes.is_empty() && field == "layout_off" {
            continue;
        }
        if field != "str_off" && !header.word(offset).is_multiple_of(4) {
            return wrong("a multiple of 4".to_owned());
        }
        if part.start < end {
            return wrong(format!("at least {:#x}, the end of the part before", end - header.len));
        }
        zeros(bytes, end, part.start)?;
        end = part.end();
    }
    zeros(bytes, end, bytes.len())
}

fn zeros(bytes: &[u8], start: usize, end: usize) -> Result<(), Error> {
    let gap = bytes.get(start..end).unwrap_or_default();
    let Some(at) = gap.iter().position(|&byte| byte != 0) else { return Ok(()) };
    Err(Error::Header {
        section: Section::Btf,
        offset: start + at,
        field: "a byte outside of every part",
        found: gap[at].into(),
        expected: "0x0".to_owned(),
    })
}

/// A table that continues another may be empty, and starts with any byte.
fn string_table(part: Part<'_>, base: Option<&Btf>) -> Result<Strings, Error> {
    check_ends(part, base.is_some())?;
    Ok(Strings::from_section(base.map_or(0, |base| base.strings().end()), part.bytes))
}

/// The table starts and ends with a zero byte.
pub(crate) fn check_ends(part: Part<'_>, has_base: bool) -> Result<(), Error> {
    for (which, byte) in [("starts", part.bytes.first()), ("ends", part.bytes.last())] {
        if byte != Some(&0) && (!has_base || which == "ends" && byte.is_some()) {
            let offset = if which == "ends" { part.end().saturating_sub(1) } else { part.start };
            let found = byte.map_or("nothing, it is empty".to_owned(), |byte| format!("{byte:#x}"));
            return Err(Error::Strings { offset, which, found });
        }
    }
    Ok(())
}

/// The greatest references met.
#[derive(Default)]
struct Used {
    type_id: TypeId,
    string: StrRef,
}

impl Used {
    fn ty(&mut self, id: u32) -> TypeId {
        self.type_id = self.type_id.max(TypeId(id));
        TypeId(id)
    }

    fn name(&mut self, at: u32) -> StrRef {
        self.string = self.string.max(StrRef(at));
        StrRef(at)
    }
}

fn u32_at<const BIG: bool>(bytes: [u8; 4]) -> u32 {
    if BIG { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
}

fn words2<const BIG: bool>(&[a, b, c, d, e, f, g, h]: &[u8; 8]) -> [u32; 2] {
    [u32_at::<BIG>([a, b, c, d]), u32_at::<BIG>([e, f, g, h])]
}

fn words3<const BIG: bool>(&[a, b, c, d, e, f, g, h, i, j, k, l]: &[u8; 12]) -> [u32; 3] {
    [u32_at::<BIG>([a, b, c, d]), u32_at::<BIG>([e, f, g, h]), u32_at::<BIG>([i, j, k, l])]
}

/// A type whose three words and tail have been found.
struct Item<'a> {
    id: TypeId,
    row: &'static Row,
    /// From the start of the section.
    offset: usize,
    vlen: u32,
    flag: bool,
    arg: u32,
    tail: &'a [u8],
}

impl Item<'_> {
    fn wrong(&self, field: impl Into<FieldName>, found: u32, expected: &'static str) -> Error {
        let (id, offset, kind) = (self.id, self.offset, self.row.kind);
        Error::Field { id, offset, kind, field: field.into(), found: found.into(), expected }
    }

    /// What the table alone tells.
    fn check(&self) -> Result<(), Error> {
        if self.row.vlen == Vlen::Zero && self.vlen != 0 {
            return Err(self.wrong("vlen", self.vlen, "0x0"));
        }
        if self.row.flag == Flag::Zero && self.flag {
            return Err(self.wrong("kind_flag", 1, "0x0"));
        }
        if self.row.arg == Arg::Zero && self.arg != 0 {
            return Err(self.wrong("size_or_type", self.arg, "0x0"));
        }
        Ok(())
    }
}

fn decode<const BIG: bool>(part: Part<'_>, first: u32, lengths: Lengths) -> Result<(Store, Used), Error> {
    let mut store = Store { base: first, lengths, ..Store::default() };
    let mut used = Used::default();
    let mut rest = part.bytes;
    while !rest.is_empty() {
        if let Some((record, after)) = opaque::<BIG>(rest, &mut store, &mut used) {
            store.records.push(record);
            rest = after;
            continue;
        }
        let (item, name, after) = next::<BIG>(rest, part.end() - rest.len(), TypeId(store.count() + 1))?;
        let record = record::<BIG>(&item, used.name(name), &mut store, &mut used)?;
        store.records.push(record);
        rest = after;
    }
    Ok((store, used))
}

/// The length of a type of an unknown kind, if the section tells it, and if it is all there.
fn opaque_len<const BIG: bool>(rest: &[u8], lengths: &Lengths) -> Option<usize> {
    let [_, info, _] = words3::<BIG>(rest.first_chunk::<12>()?);
    let (once, each) = lengths.get(info >> 24 & 0x7f)?;
    Some(12 + once + index(info & 0x00ff_ffff) * each).filter(|&len| len <= rest.len())
}

/// A type of an unknown kind, and what follows.
fn opaque<'a, const BIG: bool>(
    rest: &'a [u8],
    store: &mut Store,
    used: &mut Used,
) -> Option<(Record, &'a [u8])> {
    let (bytes, after) = rest.split_at_checked(opaque_len::<BIG>(rest, &store.lengths)?)?;
    let mut words = bytes.as_chunks().0.iter().map(|&bytes| u32_at::<BIG>(bytes));
    let (name, info, arg) = (words.next()?, words.next()?, words.next()?);
    let a = word(store.opaque.len());
    store.opaque.push(info);
    store.opaque.extend(words);
    let b = word(store.opaque.len()) - a;
    let name = used.name(name);
    Some((Record { name, kind: Kind::Fwd, is_opaque: true, flag: false, arg, a, b }, after))
}

/// The next type, the offset of its name, and what follows.
fn next<const BIG: bool>(rest: &[u8], offset: usize, id: TypeId) -> Result<(Item<'_>, u32, &[u8]), Error> {
    let truncated = |offset, what, need, bytes| {
        Err(Error::Truncated { section: Section::Btf, offset, what, need, have: len64(bytes) })
    };
    let Some((words, tail)) = rest.split_first_chunk::<12>() else {
        return truncated(offset, "a type", 12, rest);
    };
    let [name, info, arg] = words3::<BIG>(words);
    let number = info >> 24 & 0x7f;
    let Some(row) = row(number) else { return Err(Error::Kind { id, offset, found: number }) };
    let (vlen, flag) = (info & 0x00ff_ffff, info >> 31 != 0);
    let elems = if row.vlen == Vlen::Count { index(vlen) } else { 0 };
    // At most 2^24 elements of 12 bytes.
    let size = row.info_size + elems * row.elem_size;
    let Some((tail, after)) = tail.split_at_checked(size) else {
        return truncated(offset + 12, row.name, u64::from(word(size)), tail);
    };
    let item = Item { id, row, offset, vlen, flag, arg, tail };
    item.check()?;
    Ok((item, name, after))
}

/// What the first words of a type tell.
pub(crate) struct Head {
    /// `None` if it is not known.
    pub(crate) kind: Option<Kind>,
    pub(crate) name: u32,
    /// The length of the whole type, in bytes.
    pub(crate) len: usize,
}

/// The first words of the type that starts there, in a part with types. `id` is for messages.
#[inline]
pub(crate) fn head<const BIG: bool>(
    types: &Part<'_>,
    lengths: &Lengths,
    at: usize,
    id: TypeId,
) -> Result<Head, Error> {
    let rest = types.bytes.get(at..).unwrap_or_default();
    if let Some(words) = rest.first_chunk::<12>()
        && let [name, info, _] = words3::<BIG>(words)
        && let Some(row) = row(info >> 24 & 0x7f)
    {
        let elems = if row.vlen == Vlen::Count { index(info & 0x00ff_ffff) } else { 0 };
        let len = 12 + row.info_size + elems * row.elem_size;
        if len <= rest.len() {
            return Ok(Head { kind: Some(row.kind), name, len });
        }
    }
    if let Some(len) = opaque_len::<BIG>(rest, lengths) {
        return Ok(Head { kind: None, name: 0, len });
    }
    // What is wrong is told by the one who reads the type.
    let (item, name, after) = next::<BIG>(rest, types.start + at, id)?;
    Ok(Head { kind: Some(item.row.kind), name, len: rest.len() - after.len() })
}

/// Reads the type that starts there.
pub(crate) fn one(
    endian: Endian,
    types: &Part<'_>,
    at: usize,
    id: TypeId,
    store: &mut Store,
) -> Result<(), Error> {
    let rest = types.bytes.get(at..).unwrap_or_default();
    let used = &mut Used::default();
    let record = match endian {
        Endian::Little => {
            let (item, name, _) = next::<false>(rest, types.start + at, id)?;
            record::<false>(&item, StrRef(name), store, used)?
        }
        Endian::Big => {
            let (item, name, _) = next::<true>(rest, types.start + at, id)?;
            record::<true>(&item, StrRef(name), store, used)?
        }
    };
    store.records.push(record);
    Ok(())
}

/// Decodes what is special to each kind; lists go to their pools.
fn record<const BIG: bool>(
    item: &Item<'_>,
    name: StrRef,
    store: &mut Store,
    used: &mut Used,
) -> Result<Record, Error> {
    let mut record = Record {
        name,
        kind: item.row.kind,
        is_opaque: false,
        flag: item.flag,
        arg: item.arg,
        a: 0,
        b: item.vlen,
    };
    if item.row.arg == Arg::Type {
        used.ty(item.arg);
    }
    let first_word = || item.tail.first_chunk::<4>().map_or(0, |&bytes| u32_at::<BIG>(bytes));
    match item.row.kind {
        Kind::Int => record.a = int(item, first_word())?,
        Kind::Array => {
            let words = item.tail.first_chunk::<12>().map(words3::<BIG>).unwrap_or_default();
            [record.arg, record.a, record.b] = words;
            used.ty(record.arg);
            used.ty(record.a);
        }
        Kind::Struct | Kind::Union => {
            record.a = word(store.members.len());
            let bitfields = item.flag;
            record.flag = false;
            store.members.extend(item.tail.as_chunks().0.iter().map(|bytes| {
                let [name, ty, offset] = words3::<BIG>(bytes);
                let (bit_offset, bitfield_size) =
                    if bitfields { (offset & 0x00ff_ffff, offset.to_be_bytes()[0]) } else { (offset, 0) };
                record.flag |= bitfield_size != 0;
                Member { name: used.name(name), ty: used.ty(ty), bit_offset, bitfield_size }
            }));
        }
        Kind::Enum => {
            record.a = word(store.enumerators.len());
            store.enumerators.extend(item.tail.as_chunks().0.iter().map(|bytes| {
                let [name, value] = words2::<BIG>(bytes);
                let value = if item.flag { value.cast_signed().into() } else { value.into() };
                Enumerator { name: used.name(name), value }
            }));
        }
        Kind::Enum64 => {
            record.a = word(store.enumerators.len());
            store.enumerators.extend(item.tail.as_chunks().0.iter().map(|bytes| {
                let [name, low, high] = words3::<BIG>(bytes);
                let value = (u64::from(high) << 32 | u64::from(low)).cast_signed();
                Enumerator { name: used.name(name), value }
            }));
        }
        Kind::FuncProto => {
            record.a = word(store.params.len());
            store.params.extend(item.tail.as_chunks().0.iter().map(|bytes| {
                let [name, ty] = words2::<BIG>(bytes);
                Param { name: used.name(name), ty: used.ty(ty) }
            }));
        }
        Kind::Datasec => {
            record.a = word(store.vars.len());
            store.vars.extend(item.tail.as_chunks().0.iter().map(|bytes| {
                let [var, offset, size] = words3::<BIG>(bytes);
                SecVar { var: used.ty(var), offset, size }
            }));
        }
        Kind::Func => (record.a, record.b) = (linkage(item, item.vlen)?, 0),
        Kind::Var => record.a = linkage(item, first_word())?,
        Kind::DeclTag => record.a = component(item, first_word())?,
        Kind::Ptr
        | Kind::Fwd
        | Kind::Typedef
        | Kind::Volatile
        | Kind::Const
        | Kind::Restrict
        | Kind::Float
        | Kind::TypeTag => {}
    }
    Ok(record)
}

fn int(item: &Item<'_>, word: u32) -> Result<u32, Error> {
    if word & 0xf000_ff00 != 0 {
        return Err(item.wrong("the reserved bits of the integer's data", word & 0xf000_ff00, "0x0"));
    }
    match IntEncoding::from_number(word >> 24) {
        Some(_) => Ok(word),
        None => Err(item.wrong(
            "encoding",
            word >> 24,
            "0 to 3 (unsigned, signed, char, signed char) or 4 (bool)",
        )),
    }
}

fn linkage(item: &Item<'_>, number: u32) -> Result<u32, Error> {
    match Linkage::from_number(number) {
        Some(_) => Ok(number),
        None => Err(item.wrong("linkage", number, "0 (static), 1 (global) or 2 (extern)")),
    }
}

fn component(item: &Item<'_>, number: u32) -> Result<u32, Error> {
    match number.cast_signed() {
        -1.. => Ok(number),
        _ => Err(item.wrong("component_idx", number, "-1 or an index")),
    }
}
