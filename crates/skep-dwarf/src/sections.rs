//! The debug sections of a file.

use std::borrow::Cow;

use crate::names::string_at;
use crate::reader::Cursor;

/// The sections of a file, decompressed and relocated. One that is missing is empty.
#[derive(Debug, Default)]
pub(crate) struct Sections<'d> {
    pub(crate) info: Cow<'d, [u8]>,
    /// Type units of DWARF 4.
    pub(crate) types: Cow<'d, [u8]>,
    pub(crate) abbrev: Cow<'d, [u8]>,
    pub(crate) str: Cow<'d, [u8]>,
    pub(crate) line_str: Cow<'d, [u8]>,
    pub(crate) str_offsets: Cow<'d, [u8]>,
    pub(crate) addr: Cow<'d, [u8]>,
    pub(crate) line: Cow<'d, [u8]>,
    pub(crate) loc: Cow<'d, [u8]>,
    pub(crate) loclists: Cow<'d, [u8]>,
    /// The indices of a package of split units.
    pub(crate) cu_index: Cow<'d, [u8]>,
    pub(crate) tu_index: Cow<'d, [u8]>,
    /// Where `info` is in the file, if it is there as it is.
    pub(crate) info_offset: Option<u64>,
    /// Whether the most significant byte of a number comes first.
    pub(crate) big: bool,
}

/// The section that units are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum InfoSection {
    Info,
    Types,
}

impl InfoSection {
    pub(crate) fn name(self) -> &'static str {
        match self {
            InfoSection::Info => ".debug_info",
            InfoSection::Types => ".debug_types",
        }
    }
}

impl<'d> Sections<'d> {
    /// Where the section of that name (without `.debug_` and `.dwo`) is kept.
    pub(crate) fn by_name(&mut self, name: &str) -> Option<&mut Cow<'d, [u8]>> {
        Some(match name {
            "info" => &mut self.info,
            "types" => &mut self.types,
            "abbrev" => &mut self.abbrev,
            "str" => &mut self.str,
            "line_str" => &mut self.line_str,
            "str_offsets" => &mut self.str_offsets,
            "addr" => &mut self.addr,
            "line" => &mut self.line,
            "loc" => &mut self.loc,
            "loclists" => &mut self.loclists,
            "cu_index" => &mut self.cu_index,
            "tu_index" => &mut self.tu_index,
            _ => return None,
        })
    }

    pub(crate) fn units(&self, section: InfoSection) -> &[u8] {
        match section {
            InfoSection::Info => &self.info,
            InfoSection::Types => &self.types,
        }
    }

    /// The string with that index, in a unit whose part of `.debug_str_offsets` starts at `base`.
    pub(crate) fn indexed_string(&self, base: u64, at: u64, offset_size: u8) -> Option<&[u8]> {
        let place = base.checked_add(at.checked_mul(offset_size.into())?)?;
        let cursor = Cursor::new(&self.str_offsets, usize::try_from(place).ok()?, self.big);
        string_at(&self.str, cursor.peek(0, offset_size.into()).ok()?)
    }

    /// The address with that index, in a unit whose part of `.debug_addr` starts at `base`.
    pub(crate) fn indexed_address(&self, base: u64, at: u64, address_size: u8) -> Option<u64> {
        let place = base.checked_add(at.checked_mul(address_size.into())?)?;
        let cursor = Cursor::new(&self.addr, usize::try_from(place).ok()?, self.big);
        cursor.peek(0, address_size.into()).ok()
    }
}
