//! Words in either byte order, and the preamble that both sections start with.

use crate::error::{Error, Section};

/// The order of the bytes in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endian {
    /// Least significant byte first: `bpfel`.
    Little,
    /// Most significant byte first: `bpfeb`.
    Big,
}

const MAGIC: u16 = 0xeb9f;
const VERSION: u8 = 1;

impl Endian {
    /// The byte order of this machine.
    pub const HOST: Endian = if cfg!(target_endian = "little") { Endian::Little } else { Endian::Big };

    /// The byte order of a `.BTF` or `.BTF.ext` section, which its first two bytes tell.
    #[must_use]
    pub fn of_section(bytes: &[u8]) -> Option<Endian> {
        match *bytes.first_chunk::<2>()? {
            magic if magic == MAGIC.to_le_bytes() => Some(Endian::Little),
            magic if magic == MAGIC.to_be_bytes() => Some(Endian::Big),
            _ => None,
        }
    }

    pub(crate) fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Endian::Little => u32::from_le_bytes(bytes),
            Endian::Big => u32::from_be_bytes(bytes),
        }
    }

    pub(crate) fn push_u16(self, out: &mut Vec<u8>, value: u16) {
        out.extend_from_slice(&match self {
            Endian::Little => value.to_le_bytes(),
            Endian::Big => value.to_be_bytes(),
        });
    }

    pub(crate) fn push_u32(self, out: &mut Vec<u8>, value: u32) {
        out.extend_from_slice(&match self {
            Endian::Little => value.to_le_bytes(),
            Endian::Big => value.to_be_bytes(),
        });
    }
}

/// A size or offset of the encoding as an index; no input is large enough for the fallback to be reached.
pub(crate) fn index(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// An index that the encoding's limits keep within 32 bits.
pub(crate) fn word(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// The start of both sections: magic, version, flags and the header's length, then words that each section defines.
#[derive(Debug)]
pub(crate) struct Header<'a> {
    pub(crate) endian: Endian,
    section: Section,
    bytes: &'a [u8],
    /// In bytes; what follows is counted from here.
    pub(crate) len: usize,
}

impl<'a> Header<'a> {
    /// Reads the header of `section`, which has at least `min` bytes; those behind `known` must be zero.
    pub(crate) fn read(section: Section, bytes: &'a [u8], min: u32, known: u32) -> Result<Header<'a>, Error> {
        let wrong = |offset, field, found, expected: &str| {
            Err(Error::Header { section, offset, field, found, expected: expected.to_owned() })
        };
        let short = |need: u32| Error::Truncated {
            section,
            offset: 0,
            what: "the header",
            need: need.into(),
            have: len64(bytes),
        };

        let &[m0, m1, version, flags, l0, l1, l2, l3] = bytes.first_chunk::<8>().ok_or_else(|| short(min))?;
        let Some(endian) = Endian::of_section(bytes) else {
            let found = u16::from_le_bytes([m0, m1]);
            return wrong(0, "magic", found.into(), "0xeb9f in either byte order");
        };
        if version != VERSION {
            return wrong(2, "version", version.into(), "0x1");
        }
        if flags != 0 {
            return wrong(3, "flags", flags.into(), "0x0");
        }
        let declared = endian.u32([l0, l1, l2, l3]);
        if declared < min || declared % 4 != 0 {
            return wrong(4, "hdr_len", declared.into(), &format!("a multiple of 4, at least {min:#x}"));
        }
        let len = index(declared);
        let header = bytes.get(..len).ok_or_else(|| short(declared))?;
        if let Some(tail) = header.get(index(known)..)
            && let Some(at) = tail.iter().position(|&byte| byte != 0)
        {
            return wrong(index(known) + at, "a byte of an unknown field", tail[at].into(), "0x0");
        }
        Ok(Header { endian, section, bytes, len })
    }

    /// A word of the header; 0 where the header is shorter.
    pub(crate) fn word(&self, offset: usize) -> u32 {
        let bytes = self.bytes.get(..self.len).and_then(|header| header.get(offset..)?.first_chunk::<4>());
        bytes.map_or(0, |&bytes| self.endian.u32(bytes))
    }

    /// The part that the two words at `offset` describe: where it starts, and its bytes.
    pub(crate) fn part(&self, offset: usize, what: &'static str) -> Result<Part<'a>, Error> {
        let (at, len) = (self.word(offset), self.word(offset + 4));
        let start = self.len.saturating_add(index(at));
        let rest = self.bytes.get(start..);
        let bytes = rest.and_then(|rest| rest.get(..index(len))).ok_or_else(|| Error::Truncated {
            section: self.section,
            offset: start,
            what,
            need: len.into(),
            have: rest.map_or(0, len64),
        })?;
        Ok(Part { start, bytes })
    }
}

/// A part of a section.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    /// From the start of the section.
    pub(crate) start: usize,
    pub(crate) bytes: &'a [u8],
}

impl Part<'_> {
    pub(crate) fn end(&self) -> usize {
        self.start + self.bytes.len()
    }
}

/// Appends the preamble of a section whose header has `len` bytes.
pub(crate) fn push_preamble(out: &mut Vec<u8>, endian: Endian, len: u32) {
    endian.push_u16(out, MAGIC);
    out.extend_from_slice(&[VERSION, 0]);
    endian.push_u32(out, len);
}

pub(crate) fn len64(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
