//! The records of a BTF section in the byte order of this machine, one after another, without making anything of them.

use skep_btf::Kind;

/// The parts of a section.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header<'a> {
    pub(crate) types: &'a [u8],
    pub(crate) strings: &'a [u8],
}

/// One type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    pub(crate) name: u32,
    pub(crate) kind: Kind,
    /// How many elements its list has, or its linkage.
    pub(crate) vlen: u32,
    /// The whole record.
    pub(crate) bytes: &'a [u8],
}

/// `struct btf_header`, without a layout.
pub(crate) const HEADER_LEN: usize = 24;

impl<'a> Header<'a> {
    /// The parts; `None` if they are not inside.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Header<'a>> {
        let field = |at| usize::try_from(word(bytes, at)?).ok();
        let [header, types_at, types, strings_at, strings] =
            [field(4)?, field(8)?, field(12)?, field(16)?, field(20)?];
        let part = |at: usize, len: usize| bytes.get(header.checked_add(at)?..)?.get(..len);
        let is_btf = bytes.get(..3)? == [MAGIC[0], MAGIC[1], 1];
        is_btf.then_some(Header { types: part(types_at, types)?, strings: part(strings_at, strings)? })
    }
}

const MAGIC: [u8; 2] = 0xeb9f_u16.to_ne_bytes();

/// All records; the first has id 1. It ends where bytes are no record.
pub(crate) fn records(types: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let mut rest = types;
    std::iter::from_fn(move || {
        let info = word(rest, 4)?;
        let kind = Kind::from_number(info >> 24 & 0x1f)?;
        let vlen = info & 0xffff;
        let (bytes, after) = rest.split_at_checked(kind.encoded_size(vlen))?;
        rest = after;
        Some(Record { name: word(bytes, 0)?, kind, vlen, bytes })
    })
}

/// The string at an offset, without its end.
pub(crate) fn string(strings: &[u8], at: u32) -> &[u8] {
    let rest = usize::try_from(at).ok().and_then(|at| strings.get(at..)).unwrap_or_default();
    rest.split(|&byte| byte == 0).next().unwrap_or_default()
}

pub(crate) fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|word| u32::from_ne_bytes(*word))
}
