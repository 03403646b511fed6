//! The bytes of types, addressed by their ids.

use std::borrow::Cow;

use super::refusal::{Element, Fault, Refusal};
use crate::bytes::index;
use crate::kind::{Kind, Vlen, row};
use crate::types::TypeId;

/// The two sections behind the header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts<'a> {
    pub(super) types: &'a [u8],
    /// Begin and end with a zero byte.
    pub(super) strings: &'a [u8],
}

/// Types whose places and kinds are known.
#[derive(Debug)]
pub(super) struct Blob<'a> {
    pub(super) parts: Parts<'a>,
    /// Where each type begins, from id 1 on.
    pub(super) starts: Vec<u32>,
    /// Of what kind each is, from id 1 on.
    pub(super) kinds: Vec<Kind>,
}

/// One type as it is encoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item<'a> {
    pub(super) id: u32,
    pub(super) kind: Kind,
    pub(super) name: u32,
    pub(super) vlen: u32,
    pub(super) flag: bool,
    /// The third word.
    pub(super) arg: u32,
    /// What follows the three words.
    pub(super) tail: &'a [u8],
}

/// The words of an element of a list: of a member, parameter, variable or enumerator.
pub(super) type Words<const N: usize> = [u32; N];

impl<'a> Item<'a> {
    /// The words behind the first three, in groups.
    pub(super) fn words<const N: usize>(&self) -> impl Iterator<Item = Words<N>> + use<'a, N> {
        self.tail.chunks_exact(4 * N).map(|bytes| {
            let mut words = [0; N];
            for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
                *word = u32::from_ne_bytes(*bytes);
            }
            words
        })
    }

    /// One of them.
    pub(super) fn nth<const N: usize>(&self, at: u32) -> Option<Words<N>> {
        let start = index(at).checked_mul(4 * N)?;
        let bytes = self.tail.get(start..)?.get(..4 * N)?;
        let mut words = [0; N];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
            *word = u32::from_ne_bytes(*bytes);
        }
        Some(words)
    }

    /// The first words, zeros where there are none.
    pub(super) fn first<const N: usize>(&self) -> Words<N> {
        self.nth(0).unwrap_or([0; N])
    }

    /// Where a member is, in bits, and the width of a bit-field, by its third word.
    pub(super) fn place(&self, word: u32) -> (u32, u32) {
        if self.flag { (word & 0x00ff_ffff, word >> 24) } else { (word, 0) }
    }
}

/// The three words at the start of a type.
pub(super) fn head(bytes: &[u8]) -> Option<(Words<3>, &[u8])> {
    let (&[a, b, c, d, e, f, g, h, i, j, k, l], tail) = bytes.split_first_chunk()?;
    let words = [[a, b, c, d], [e, f, g, h], [i, j, k, l]].map(u32::from_ne_bytes);
    Some((words, tail))
}

/// The bits of `info` that hold `vlen`.
pub(super) const VLEN: u32 = 0xffff;

impl<'a> Blob<'a> {
    /// How many types there are, which is the last id.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.starts.len()).unwrap_or(u32::MAX)
    }

    /// The kind of a type; `None` for void and for what is not there.
    pub(super) fn kind(&self, id: u32) -> Option<Kind> {
        self.kinds.get(index(id).checked_sub(1)?).copied()
    }

    /// The type of that id.
    pub(super) fn item(&self, id: u32) -> Option<Item<'a>> {
        let at = index(id).checked_sub(1)?;
        let (&start, &kind) = (self.starts.get(at)?, self.kinds.get(at)?);
        let ([name, info, arg], tail) = head(self.parts.types.get(index(start)..)?)?;
        let vlen = info & VLEN;
        let row = kind.row();
        let len = row.info_size + if row.vlen == Vlen::Count { index(vlen) * row.elem_size } else { 0 };
        Some(Item { id, kind, name, vlen, flag: info >> 31 != 0, arg, tail: tail.get(..len)? })
    }

    /// The third word of a type: its size, or what it refers to.
    pub(super) fn arg(&self, id: u32) -> u32 {
        self.item(id).map_or(0, |item| item.arg)
    }

    /// Every type, in order.
    pub(super) fn ids(&self) -> impl Iterator<Item = u32> + use<> {
        1..=self.count()
    }
}

impl<'a> Parts<'a> {
    pub(super) fn has_string(&self, at: u32) -> bool {
        index(at) < self.strings.len()
    }

    /// The string that starts there; empty if there is none.
    pub(super) fn string(&self, at: u32) -> &'a [u8] {
        let rest = self.strings.get(index(at)..).unwrap_or_default();
        rest.split(|&byte| byte == 0).next().unwrap_or_default()
    }

    /// The string as text, or as much of it as a message holds.
    pub(super) fn text(&self, at: u32) -> Cow<'a, str> {
        const SHOWN: usize = 128;
        let bytes = self.string(at);
        match bytes.get(..SHOWN) {
            Some(start) if bytes.len() > SHOWN => {
                (String::from_utf8_lossy(start) + "...").into_owned().into()
            }
            _ => String::from_utf8_lossy(bytes),
        }
    }
}

impl Fault {
    /// The refusal of a blob whose types have not been looked at.
    pub(super) fn of_blob(self) -> Refusal {
        let Fault { rule, found, numbers, .. } = self;
        Refusal { rule, id: None, kind: None, name: "".into(), element: None, found: found.into(), numbers }
    }

    /// The refusal of one of the types, with its kind and names.
    pub(super) fn of_part(self, parts: &Parts<'_>) -> Refusal {
        let (id, element) = (self.id, self.element);
        let mut refusal = self.of_blob();
        if id == 0 {
            return refusal;
        }
        refusal.id = Some(TypeId(id));
        let Some(([name, info, _], tail)) = find(parts.types, id) else { return refusal };
        refusal.kind = row(info >> 24 & 0x1f).map(|row| row.kind);
        refusal.name = parts.text(name).into();
        if let (Some(index), Some(kind)) = (element, refusal.kind) {
            refusal.element = Some(describe(parts, kind, index, tail));
        }
        refusal
    }
}

/// The type of that id, which is found by going through all before it: this is done once, for a message.
fn find(types: &[u8], id: u32) -> Option<(Words<3>, &[u8])> {
    let mut rest = types;
    for _ in 1..id {
        let ([_, info, _], tail) = head(rest)?;
        let kind = row(info >> 24 & 0x1f)?.kind;
        rest = tail.get(kind.encoded_size(info & VLEN) - 12..)?;
    }
    head(rest)
}

fn describe(parts: &Parts<'_>, kind: Kind, at: u32, tail: &[u8]) -> Element {
    let (what, named) = match kind {
        Kind::Enum | Kind::Enum64 => ("enumerator", true),
        Kind::FuncProto | Kind::Func => ("parameter", kind == Kind::FuncProto),
        Kind::Datasec => ("variable", false),
        _ => ("member", true),
    };
    let start = index(at).saturating_mul(kind.row().elem_size);
    let word = tail.get(start..).and_then(|rest| rest.first_chunk().copied()).map(u32::from_ne_bytes);
    let name = word.filter(|_| named).map_or("".into(), |name| parts.text(name));
    Element { what, index: at, name: name.into() }
}
