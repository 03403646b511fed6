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
        // Tables of methods and merged constants have none of a name that the source knows.
        let has_size = variable.size != 0 && !elf.is_dropped(address);
        let size = symbol.copied().or(has_size.then_some(variable.size))?;
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
    let mut outcomes: Vec<Result<(), Skip>> =
        variables.iter().map(|variable| put(variable).ok_or(Skip::Variable)).collect();
    // Where constants have been merged into one another, the first one stands for what lies in it.
    let mut inside: Set<(Id, u64)> = Set::default();
    for (section, of) in sections.iter_mut().zip(&wanted) {
        section.variables.sort_by_key(|variable| variable.offset);
        let mut end = 0;
        section.variables.retain(|variable| {
            let is_free = variable.offset >= end;
            if is_free {
                end = variable.offset.saturating_add(variable.size);
            } else {
                inside.insert((variable.record, of.address + u64::from(variable.offset)));
            }
            is_free
        });
    }
    for (variable, outcome) in variables.iter().zip(&mut outcomes) {
        if variable.address.is_some_and(|address| inside.contains(&(variable.id, address))) {
            *outcome = Err(Skip::Variable);
        }
    }
    sections.retain(|section| !section.variables.is_empty());
    (sections, outcomes)
}
