//! The files that the debug information is in, and the units in them.

use std::ops::Range;

use crate::attrs::Source;
use crate::elf::{self, Elf};
use crate::error::Error;
use crate::hash::Map;
use crate::model::External;
use crate::names::Names;
use crate::options::Options;
use crate::sections::{InfoSection, Sections};
use crate::unit::{UnitHeader, UnitKind, headers};

/// The files.
#[derive(Debug)]
pub(crate) struct Files<'d> {
    pub(crate) main: Elf<'d>,
    /// Those with split units.
    split: Vec<Elf<'d>>,
    supplementary: Option<Elf<'d>>,
}

/// Reads the files.
pub(crate) fn read<'d>(file: &'d [u8], options: &Options<'d>) -> Result<Files<'d>, Error> {
    let main = elf::read(file)?;
    let split = options.split.iter().map(|file| elf::read(file)).collect::<Result<_, _>>()?;
    let supplementary = options.supplementary.map(elf::read).transpose()?;
    Ok(Files { main, split, supplementary })
}

/// The units of all files.
#[derive(Debug)]
pub(crate) struct Input<'f> {
    sections: Vec<&'f Sections<'f>>,
    supplementary: Option<u16>,
    pub(crate) names: Names<'f>,
    /// Sorted by file, section and offset.
    pub(crate) units: Vec<UnitHeader>,
    ranges: Map<(u16, InfoSection), Range<usize>>,
    /// The type units, by signature.
    signatures: Map<u64, usize>,
}

impl<'f> Input<'f> {
    /// Finds the units.
    pub(crate) fn new(files: &'f Files<'f>) -> Result<Input<'f>, Error> {
        let mut sections = vec![&files.main.sections, &files.main.split];
        sections.extend(files.split.iter().map(|elf| &elf.split));
        let mut supplementary = None;
        if let Some(elf) = &files.supplementary {
            supplementary = u16::try_from(sections.len()).ok();
            sections.push(&elf.sections);
        }
        let (mut units, mut ranges) = (Vec::new(), Map::default());
        for (file, of) in (0..).zip(&sections) {
            for section in [InfoSection::Info, InfoSection::Types] {
                let start = units.len();
                units.extend(headers(of, section, file)?);
                ranges.insert((file, section), start..units.len());
            }
        }
        if units.is_empty() {
            return Err(Error::NoDebugInfo { section: ".debug_info" });
        }
        let limit = 1 << 24;
        if units.len() >= limit {
            let (found, limit) = (units.len().try_into().unwrap_or(u64::MAX), 1 << 24);
            return Err(Error::Limit { what: "units", found, limit });
        }
        let mut signatures = Map::default();
        for (at, unit) in units.iter().enumerate() {
            if let UnitKind::Type { signature, .. } = unit.kind {
                signatures.entry(signature).or_insert(at);
            }
        }
        let names = Names::new(&files.main.sections.str, is_merged(&files.main.sections.str));
        Ok(Input { sections, supplementary, names, units, ranges, signatures })
    }

    /// What a unit is read with.
    pub(crate) fn source(&self, header: UnitHeader) -> Source<'_> {
        Source {
            sections: self.sections[usize::from(header.file)],
            supplementary: self.supplementary.map(|at| self.sections[usize::from(at)]),
            names: &self.names,
            is_main: header.file == 0,
            header,
        }
    }

    /// Where the unit is in the file itself.
    pub(crate) fn file_range(&self, unit: &UnitHeader) -> Option<Range<u64>> {
        let start = self.sections[usize::from(unit.file)].info_offset?;
        let offset = |at: usize| Some(start + u64::try_from(at).ok()?);
        (unit.file == 0 && unit.section == InfoSection::Info)
            .then_some(offset(unit.start)?..offset(unit.end)?)
    }

    /// The unit that a DIE of another one is in, and its offset there.
    pub(crate) fn find(&self, from: usize, to: External) -> Option<(usize, u32)> {
        let from = self.units.get(from)?;
        let (file, offset) = match to {
            External::Section(offset) => (from.file, offset),
            External::Supplementary(offset) => (self.supplementary?, offset),
            External::Signature(signature) => {
                let &at = self.signatures.get(&signature)?;
                match self.units[at].kind {
                    UnitKind::Type { offset, .. } => return Some((at, u32::try_from(offset).ok()?)),
                    _ => return None,
                }
            }
        };
        let range = self.ranges.get(&(file, InfoSection::Info))?;
        let offset = usize::try_from(offset).ok()?;
        let before = self.units[range.clone()].partition_point(|unit| unit.start <= offset);
        let at = range.start + before.checked_sub(1)?;
        let unit = &self.units[at];
        if offset >= unit.end { None } else { Some((at, u32::try_from(offset - unit.start).ok()?)) }
    }
}

/// Whether the linker has kept one copy of each string: then places can be compared instead of strings. The first
/// string stands for all, since each compilation has the same ones near its start.
fn is_merged(section: &[u8]) -> bool {
    const SAMPLES: [&[u8]; 4] = [b"unsigned int", b"long unsigned int", b"core", b"char"];
    let mut known = [false; SAMPLES.len()];
    for string in section.split(|&byte| byte == 0) {
        if let Some(at) = SAMPLES.iter().position(|&sample| sample == string) {
            if known[at] {
                return false;
            }
            known[at] = true;
        }
    }
    true
}
