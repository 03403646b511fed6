//! Which labels are functions, and where functions and variables end.

use std::collections::{HashMap, HashSet};

use crate::object::{Binding, SymbolKind};
use crate::section::is_kernel_section;

use super::section::Section;
use super::symbols::{Def, Loc, SecId, Sym, SymId, Symbols};

/// A function: where it is and the symbols that name it.
pub(super) struct Function {
    pub(super) start: Loc,
    /// Where the next one begins, or the section ends.
    pub(super) end: u64,
    /// Its name, then its aliases.
    pub(super) names: Vec<SymId>,
}

/// Finds the functions of all sections, by place.
pub(super) fn find(symbols: &Symbols<'_>, sections: &[Section<'_>]) -> Vec<Function> {
    let labels = || labels_in_code(symbols, sections);
    let mut starts: Vec<(Loc, SymId)> =
        labels().filter(|(_, _, sym)| is_function(sym)).map(|(loc, id, _)| (loc, id)).collect();
    starts.sort_unstable();
    // The first label of a section is one too, unless it lies inside another.
    let mut covered: HashMap<SecId, u64> = HashMap::new();
    for (loc, _) in &starts {
        covered.entry(loc.section).or_insert(loc.offset);
    }
    let is_free = |(loc, _): &(Loc, SymId)| covered.get(&loc.section).is_none_or(|&start| loc.offset < start);
    starts.extend(first_labels(symbols, sections).into_values().filter(is_free));
    starts.sort_unstable_by_key(|&(loc, id)| (loc, !symbols.get(id).is_global(), id));
    let mut functions: Vec<Function> = Vec::new();
    for (start, id) in starts {
        match functions.last_mut() {
            Some(last) if last.start == start => last.names.push(id),
            _ => functions.push(Function { start, end: 0, names: vec![id] }),
        }
    }
    let mut next: Option<Loc> = None;
    for function in functions.iter_mut().rev() {
        function.end = end_before(function.start, next, sections);
        next = Some(function.start);
    }
    functions
}

/// Loaders find programs by global names: where no function of a section for the kernel is typed or global, the first
/// label becomes global.
pub(super) fn show_programs(symbols: &mut Symbols<'_>, sections: &[Section<'_>]) {
    let known: HashSet<SecId> = labels_in_code(symbols, sections)
        .filter(|(_, _, sym)| sym.kind.is_some() || sym.binding.is_some())
        .map(|(loc, _, _)| loc.section)
        .collect();
    for (section, (_, id)) in first_labels(symbols, sections) {
        if !known.contains(&section) && is_kernel_section(&sections[section.0].name) {
            symbols.get_mut(id).binding = Some(Binding::Global);
        }
    }
}

/// Where each variable ends that has no `.size`: where the next one begins.
pub(super) fn ends_of_variables(symbols: &Symbols<'_>, sections: &[Section<'_>]) -> HashMap<SymId, u64> {
    let mut places: Vec<(Loc, SymId)> = symbols
        .iter()
        .filter_map(|(id, sym)| match sym.def {
            Def::Label(loc) if !sections[loc.section.0].is_code() && !sym.is_private() => Some((loc, id)),
            _ => None,
        })
        .collect();
    places.sort_unstable();
    let mut ends = HashMap::new();
    let mut next: Option<Loc> = None;
    let mut last: Option<(Loc, u64)> = None;
    for &(loc, id) in places.iter().rev() {
        let end = match last {
            // Several names for one place share its end.
            Some((at, end)) if at == loc => end,
            _ => end_before(loc, next, sections),
        };
        last = Some((loc, end));
        next = Some(loc);
        ends.insert(id, end);
    }
    ends
}

fn end_before(start: Loc, next: Option<Loc>, sections: &[Section<'_>]) -> u64 {
    match next {
        Some(next) if next.section == start.section => next.offset,
        _ => sections[start.section.0].len(),
    }
}

fn labels_in_code<'a, 's>(
    symbols: &'a Symbols<'s>,
    sections: &'a [Section<'s>],
) -> impl Iterator<Item = (Loc, SymId, &'a Sym<'s>)> {
    symbols.iter().filter_map(|(id, sym)| match sym.def {
        Def::Label(loc) if sections[loc.section.0].is_code() => Some((loc, id, sym)),
        _ => None,
    })
}

/// Whether a label in code is a function wherever it stands.
fn is_function(sym: &Sym<'_>) -> bool {
    let shown = is_named(sym) && (sym.is_global() || sym.loaded);
    sym.kind == Some(SymbolKind::Func) || sym.called || shown
}

/// Whether a label in code can name a function without saying so.
fn is_named(sym: &Sym<'_>) -> bool {
    !sym.is_private() && sym.kind != Some(SymbolKind::Object)
}

/// The first label of each section.
fn first_labels(symbols: &Symbols<'_>, sections: &[Section<'_>]) -> HashMap<SecId, (Loc, SymId)> {
    let mut first: HashMap<SecId, (Loc, SymId)> = HashMap::new();
    for (loc, id, sym) in labels_in_code(symbols, sections).filter(|(_, _, sym)| is_named(sym)) {
        let least = first.entry(loc.section).or_insert((loc, id));
        // Of several at one place, the one that was defined first names it.
        let key = |(loc, id): (Loc, SymId)| (loc.offset, symbols.get(id).at.start);
        if (loc.offset, sym.at.start) < key(*least) {
            *least = (loc, id);
        }
    }
    first
}
