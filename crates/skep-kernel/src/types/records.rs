//! The records of a BTF section in the byte order of this machine, one after another, without making anything of them.

use skep_btf::{Kind, TypeId};

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

impl<'a> Record<'a> {
    /// The record that bytes begin with; `None` if they begin with none.
    fn first(bytes: &'a [u8], sizes: &Sizes) -> Option<Record<'a>> {
        let (name, info) = (word(bytes, 0)?, word(bytes, 4)?);
        let kind = Kind::from_number(info >> 24 & 0x1f)?;
        Some(Record { name, kind, vlen: vlen(info), bytes: bytes.get(..sizes.of(info))? })
    }

    /// The type that it refers to in its third word.
    pub(crate) fn argument(&self) -> TypeId {
        TypeId(self.word(8).unwrap_or_default())
    }

    /// A word at that offset in bytes.
    pub(crate) fn word(&self, at: usize) -> Option<u32> {
        word(self.bytes, at)
    }
}

/// How far types are followed, from one to the next; as far as libbpf does.
pub(crate) const DEPTH: u32 = 32;

/// Types by their ids.
pub(crate) struct ById<'a> {
    types: &'a [u8],
    sizes: Sizes,
    /// Where each begins, from id 1 on.
    starts: Vec<u32>,
}

impl<'a> ById<'a> {
    /// Finds out where each type begins.
    pub(crate) fn new(types: &'a [u8]) -> ById<'a> {
        let sizes = Sizes::new();
        let mut starts = Vec::with_capacity(types.len() / 20);
        let mut at = 0;
        while let (Some(info), Ok(start)) =
            (types.get(at + 4..).and_then(|rest| word(rest, 0)), u32::try_from(at))
        {
            starts.push(start);
            at = at.saturating_add(sizes.of(info));
        }
        ById { types, sizes, starts }
    }

    /// The type of that id without typedefs and modifiers; `None` for void.
    pub(crate) fn resolve(&self, mut id: TypeId) -> Option<Record<'a>> {
        for _ in 0..DEPTH {
            let record = self.get(id)?;
            match record.kind {
                Kind::Typedef | Kind::Volatile | Kind::Const | Kind::Restrict | Kind::TypeTag => {
                    id = record.argument();
                }
                _ => return Some(record),
            }
        }
        None
    }

    /// The type of that id; `None` for void.
    pub(crate) fn get(&self, id: TypeId) -> Option<Record<'a>> {
        let start = *self.starts.get(usize::try_from(id.0).ok()?.checked_sub(1)?)?;
        Record::first(self.types.get(usize::try_from(start).ok()?..)?, &self.sizes)
    }
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
    let sizes = Sizes::new();
    let mut rest = types;
    std::iter::from_fn(move || {
        let record = Record::first(rest, &sizes)?;
        rest = rest.get(record.bytes.len()..)?;
        Some(record)
    })
}

/// The ids and names of all types of the kinds that `is_wanted` says; as [`records`], but for millions of them.
pub(crate) fn names(
    types: &[u8],
    is_wanted: impl Fn(Kind) -> bool,
) -> impl Iterator<Item = (u32, Kind, u32)> {
    let sizes = Sizes::new();
    let mut wanted = [None; KINDS];
    for &kind in Kind::ALL {
        if let Some(wanted) = usize::try_from(kind.number()).ok().and_then(|number| wanted.get_mut(number)) {
            *wanted = Some(kind).filter(|&kind| is_wanted(kind));
        }
    }
    let (mut rest, mut id) = (types, 0);
    std::iter::from_fn(move || {
        loop {
            let (header, _) = rest.split_first_chunk::<12>()?;
            let info = u32::from_ne_bytes([header[4], header[5], header[6], header[7]]);
            rest = rest.get(sizes.of(info)..)?;
            id += 1;
            if let Some(kind) = wanted[(info >> 24) as usize % KINDS] {
                return Some((id, kind, u32::from_ne_bytes([header[0], header[1], header[2], header[3]])));
            }
        }
    })
}

/// How many numbers of kinds the encoding has.
const KINDS: usize = 32;

fn vlen(info: u32) -> u32 {
    info & 0x00ff_ffff
}

/// How long records are: those of a kind all begin alike, and some have a list behind it.
struct Sizes {
    /// By kind: bytes without a list, and of each element. What is no kind is as long as it takes to end here.
    by_kind: [(usize, usize); KINDS],
}

impl Sizes {
    fn new() -> Sizes {
        let mut by_kind = [(usize::MAX, 0); KINDS];
        for kind in Kind::ALL {
            if let Some(size) = usize::try_from(kind.number()).ok().and_then(|number| by_kind.get_mut(number))
            {
                *size = (kind.encoded_size(0), kind.encoded_size(1) - kind.encoded_size(0));
            }
        }
        Sizes { by_kind }
    }

    /// The length of the record that begins with this word.
    fn of(&self, info: u32) -> usize {
        let (fixed, element) = self.by_kind[(info >> 24) as usize % KINDS];
        fixed.saturating_add(element * vlen(info) as usize)
    }
}

/// The string at an offset, without its end.
pub(crate) fn string(strings: &[u8], at: u32) -> &[u8] {
    let rest = usize::try_from(at).ok().and_then(|at| strings.get(at..)).unwrap_or_default();
    rest.split(|&byte| byte == 0).next().unwrap_or_default()
}

pub(crate) fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|word| u32::from_ne_bytes(*word))
}
