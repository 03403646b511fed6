//! Package files (`.dwp`): the split units of many files, each with its own part of every section.

use crate::error::Error;
use crate::hash::Map;
use crate::reader::{Cursor, Expected, index};

/// Where the parts of a unit start, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Parts {
    pub(crate) abbrev: u64,
    pub(crate) str_offsets: u64,
    pub(crate) loclists: u64,
}

/// The parts of all units, by where their part of the section of units starts.
pub(crate) type Package = Map<u64, Parts>;

/// Reads `.debug_cu_index` or `.debug_tu_index`; one that is empty has no units.
pub(crate) fn read(section: &[u8], name: &'static str, big: bool) -> Result<Package, Error> {
    let mut cursor = Cursor::new(section, 0, big);
    if section.is_empty() {
        return Ok(Package::default());
    }
    read_all(&mut cursor).map_err(|expected| Error::Malformed {
        section: name,
        offset: u64::try_from(cursor.pos()).unwrap_or(u64::MAX),
        found: "an index of units that is not readable".to_owned(),
        expected,
    })
}

/// The numbers that the columns of version 2 and of version 5 have.
const INFO: u64 = 1;
const TYPES: u64 = 2;
const ABBREV: u64 = 3;
const LOCLISTS: u64 = 5;
const STR_OFFSETS: u64 = 6;

fn read_all(cursor: &mut Cursor<'_>) -> Result<Package, Expected> {
    // Version 5 has 2 bytes for its number and 2 of padding, version 2 has 4.
    let version = cursor.fixed(2)?;
    cursor.skip(2)?;
    // In big-endian version 2, the number is in the second half.
    if !matches!(version, 0 | 2 | 5) {
        return Err("version 2 or 5");
    }
    let (columns, units, slots) = (cursor.fixed(4)?, cursor.fixed(4)?, cursor.fixed(4)?);
    cursor.skip(index(slots).saturating_mul(12))?;
    let mut ids = Vec::new();
    for _ in 0..columns.min(16) {
        ids.push(cursor.fixed(4)?);
    }
    if columns > 16 {
        return Err("at most 16 columns");
    }
    let mut package = Package::default();
    for _ in 0..units {
        let (mut parts, mut start) = (Parts::default(), None);
        for &id in &ids {
            let offset = cursor.fixed(4)?;
            match id {
                INFO | TYPES => start = Some(offset),
                ABBREV => parts.abbrev = offset,
                LOCLISTS => parts.loclists = offset,
                STR_OFFSETS => parts.str_offsets = offset,
                _ => {}
            }
        }
        if let Some(start) = start {
            package.insert(start, parts);
        }
        // Rows without columns could be any number.
        if ids.is_empty() {
            break;
        }
    }
    Ok(package)
}
