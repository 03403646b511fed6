//! Which variables are encoded: those of the sections that are asked for, where the symbols say the same.

use std::ops::Range;

use crate::elf::{Elf, Loaded};
use crate::hash::{Map, Set};
use crate::names::Names;
use crate::options::Variables;
use crate::pool::Id;
use crate::report::Skip;
use crate::shape::Placed;

/// The addresses of the sections whose variables are wanted.
pub(crate) fn ranges(elf: &Elf<'_>, which: Variables) -> Vec<Range<u64>> {
    let sections = elf.loaded.iter().filter(|section| is_wanted(section, which));
    sections.map(|section| section.address..section.address.saturating_add(section.size)).collect()
}

fn is_wanted(section: &Loaded<'_>, which: Variables) -> bool {
    match which {
        Variables::None => false,
        Variables::PerCpu => section.name == ".data..percpu",
        Variables::All => true,
    }
}

/// A data section.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Section<'d> {
    pub(crate) name: &'d str,
    pub(crate) size: u32,
    pub(crate) variables: Vec<Variable>,
}

/// A variable in a section.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) record: Id,
    pub(crate) offset: u32,
    pub(crate) size: u32,
}

/// Puts the variables into their sections, and says of each whether it is there.
pub(crate) fn place<'d>(
    variables: &[Placed],
    elf: &Elf<'d>,
    names: &Names<'_>,
    which: Variables,
) -> (Vec<Section<'d>>, Vec<Result<(), Skip>>) {
    let mut symbols: Map<(u64, &[u8]), u64> = Map::default();
    let ranges = ranges(elf, which);
    for symbol in elf.symbols.iter().filter(|symbol| !symbol.is_function) {
        if ranges.iter().any(|range| range.contains(&symbol.address)) {
            symbols.insert((symbol.address, symbol.source_name()), symbol.size);
        }
    }
    let mut sections: Vec<Section<'d>> = Vec::new();
    let wanted: Vec<&Loaded<'d>> = elf.loaded.iter().filter(|section| is_wanted(section, which)).collect();
    sections.extend(wanted.iter().map(|section| Section {
        name: section.name,
        size: u32::try_from(section.size).unwrap_or(u32::MAX),
        variables: Vec::new(),
    }));
    let mut known: Set<(usize, u32)> = Set::default();
    let mut put = |variable: &Placed| {
        let address = variable.address?;
        let text = names.text(variable.name);
        let linkage = names.text(variable.linkage_name);
        let symbol = symbols.get(&(address, &text)).or_else(|| symbols.get(&(address, &linkage)));
        // Tables of methods are the compiler's, and have no symbol of a name that the source knows.
        let is_table = text.ends_with(b"{vtable}") && linkage.is_empty() && !elf.is_dropped(address);
        let size = symbol.copied().or(is_table.then_some(variable.size))?;
        let at = wanted.iter().position(|section| {
            (section.address..section.address.saturating_add(section.size)).contains(&address)
        })?;
        let offset = u32::try_from(address - wanted[at].address).ok()?;
        let size = u32::try_from(size).ok().filter(|&size| size != 0)?;
        // A variable may be described by several units, of which one is the first.
        if known.insert((at, offset)) {
            sections[at].variables.push(Variable { record: variable.id, offset, size });
        }
        Some(())
    };
    let outcomes = variables.iter().map(|variable| put(variable).ok_or(Skip::Variable)).collect();
    for section in &mut sections {
        section.variables.sort_by_key(|variable| variable.offset);
    }
    sections.retain(|section| !section.variables.is_empty());
    (sections, outcomes)
}
