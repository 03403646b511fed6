//! Headers of units.

use gimli::constants as dw;

use crate::abbrev::Encoding;
use crate::error::Error;
use crate::package::{self, Parts};
use crate::reader::{Cursor, Expected, index};
use crate::sections::{InfoSection, Sections};

/// Where a unit is, and how it is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UnitHeader {
    /// Which of the input's files.
    pub(crate) file: u16,
    pub(crate) section: InfoSection,
    /// Offsets in the section: of the header, of the first DIE, of the end.
    pub(crate) start: usize,
    pub(crate) first_die: usize,
    pub(crate) end: usize,
    /// Offset in `.debug_abbrev`.
    pub(crate) abbrev: usize,
    pub(crate) encoding: Encoding,
    pub(crate) kind: UnitKind,
    /// Where its parts of other sections start.
    pub(crate) parts: Parts,
}

/// What a unit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnitKind {
    /// A compilation or a part of one.
    Compile,
    /// A single type, found by its signature; it is the DIE at that offset from the header.
    Type { signature: u64, offset: u64 },
    /// Stands for a unit of another file.
    Skeleton,
}

/// The headers of all units of a section.
pub(crate) fn headers(
    sections: &Sections<'_>,
    section: InfoSection,
    file: u16,
) -> Result<Vec<UnitHeader>, Error> {
    let mut units = Vec::new();
    let mut package = package::read(&sections.cu_index, ".debug_cu_index", sections.big)?;
    package.extend(package::read(&sections.tu_index, ".debug_tu_index", sections.big)?);
    let mut parts = Parts::default();
    let mut cursor = Cursor::new(sections.units(section), 0, sections.big);
    while !cursor.is_at_end() {
        let start = cursor.pos();
        // A part may hold several units, of which the index has the first.
        let at = u64::try_from(start).unwrap_or(u64::MAX);
        parts = package.get(&at).copied().unwrap_or(parts);
        let mut header = header(&mut cursor, section, file).map_err(|expected| Error::Malformed {
            section: section.name(),
            offset: u64::try_from(start).unwrap_or(u64::MAX),
            found: "a unit header that is not readable".to_owned(),
            expected,
        })?;
        header.parts = parts;
        header.abbrev = header.abbrev.saturating_add(index(parts.abbrev));
        cursor = Cursor::new(sections.units(section), header.end, sections.big);
        units.push(header);
    }
    Ok(units)
}

/// Units of 2 GiB and more would need wider references.
const MAX_LEN: u64 = (1 << 31) - 1;

fn header(cursor: &mut Cursor<'_>, section: InfoSection, file: u16) -> Result<UnitHeader, Expected> {
    let start = cursor.pos();
    let (mut len, mut offset_size) = (cursor.fixed(4)?, 4_u8);
    if len == 0xffff_ffff {
        (len, offset_size) = (cursor.fixed(8)?, 8);
    }
    if len > MAX_LEN {
        return Err("a unit of less than 2 GiB");
    }
    let end = cursor.pos().saturating_add(index(len));
    let mut whole = *cursor;
    whole.skip(index(len))?;
    let version = u16::try_from(cursor.fixed(2)?).unwrap_or_default();
    let unit_type = match version {
        2..=4 => match section {
            InfoSection::Types => dw::DW_UT_type,
            InfoSection::Info => dw::DW_UT_compile,
        },
        5 => gimli::DwUt(u8::try_from(cursor.fixed(1)?).unwrap_or_default()),
        _ => return Err("DWARF version 2 to 5"),
    };
    let abbrev;
    let address_size;
    if version >= 5 {
        address_size = cursor.fixed(1)?;
        abbrev = cursor.fixed(offset_size.into())?;
    } else {
        abbrev = cursor.fixed(offset_size.into())?;
        address_size = cursor.fixed(1)?;
    }
    let address_size = match u8::try_from(address_size) {
        Ok(size @ (1 | 2 | 4 | 8)) => size,
        _ => return Err("an address size of 1, 2, 4 or 8"),
    };
    let kind = match unit_type {
        dw::DW_UT_compile | dw::DW_UT_partial => UnitKind::Compile,
        dw::DW_UT_type | dw::DW_UT_split_type => {
            UnitKind::Type { signature: cursor.fixed(8)?, offset: cursor.fixed(offset_size.into())? }
        }
        dw::DW_UT_skeleton => {
            cursor.skip(8)?;
            UnitKind::Skeleton
        }
        dw::DW_UT_split_compile => {
            cursor.skip(8)?;
            UnitKind::Compile
        }
        _ => return Err("a unit type of DWARF 5"),
    };
    if cursor.pos() > end {
        return Err("a unit that is longer than its header");
    }
    let encoding = Encoding { version, offset_size, address_size };
    let (first_die, abbrev) = (cursor.pos(), index(abbrev));
    let parts = Parts::default();
    Ok(UnitHeader { file, section, start, first_die, end, abbrev, encoding, kind, parts })
}
