//! Types of kinds that are newer than this crate, where the section says how long they are.

use crate::bytes::Part;
use crate::kind::Kind;

/// How long types are, by the number of their kind: what the layout section says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Lengths {
    /// For each kind, from 0, the bytes once per type and for each element. Those of known kinds are as in the table.
    of: Vec<[u8; 2]>,
}

/// The size of what the section says about a kind: two sizes, and flags.
const ENTRY: usize = 4;

impl Lengths {
    /// Reads a layout section. One that is wrong about kinds that are known says nothing about others.
    pub(crate) fn read(part: &Part<'_>) -> Lengths {
        let (entries, rest) = part.bytes.as_chunks::<ENTRY>();
        let is_right = |(number, entry): (u32, &[u8; ENTRY])| match Kind::from_number(number) {
            Some(kind) => *entry == entry_of(kind),
            // Words are what all of BTF is made of, and all that can be written in either byte order.
            None => {
                number == 0
                    || entry[0].is_multiple_of(4) && entry[1].is_multiple_of(4) && entry[2..] == [0, 0]
            }
        };
        if !rest.is_empty() || !(0..).zip(entries).all(is_right) {
            return Lengths::default();
        }
        Lengths { of: entries.iter().map(|&[once, each, ..]| [once, each]).collect() }
    }

    /// The bytes that a type of an unknown kind takes behind its three words, once and for each element.
    pub(crate) fn get(&self, number: u32) -> Option<(usize, usize)> {
        let number = usize::try_from(number).ok().filter(|&number| number > Kind::ALL.len())?;
        self.of.get(number).map(|&[once, each]| (once.into(), each.into()))
    }

    /// What either says.
    pub(crate) fn join(&mut self, other: &Lengths) {
        if other.of.len() > self.of.len() {
            self.of.clone_from(&other.of);
        }
    }

    /// The layout section, of either byte order: flags, the only number of more than a byte, are zero.
    pub(crate) fn section(&self) -> Vec<u8> {
        self.of.iter().flat_map(|&[once, each]| [once, each, 0, 0]).collect()
    }
}

fn entry_of(kind: Kind) -> [u8; ENTRY] {
    let row = kind.row();
    let size = |size: usize| u8::try_from(size).unwrap_or(u8::MAX);
    [size(row.info_size), size(row.elem_size), 0, 0]
}
