//! One name, several definitions.
//!
//! A record refers to a struct, union or enumeration by its name. Where a program has two definitions of one name,
//! each in its own units, one of them (the first) keeps the plain name, and the units that have another one are made
//! into records again, now meaning that one by its id. A struct that refers to it is thereby another one as well, and
//! may be a second definition of *its* name: so this is repeated until nothing new comes up. It is the refinement of a
//! partition, done only where there is something to refine. A unit that only declares such a name means neither, and
//! what it refers to stays declared.

use crate::error::Error;
use crate::gather::{Gathered, Work, Worker};
use crate::hash::{Map, Set};
use crate::model::{Kind, Node};
use crate::names::Name;
use crate::pool::{Id, Pool, Rec};
use crate::shape::{has_name, is_declaration, is_definition};

/// A name in a chain of structs may need a round per struct; a program's chains are short.
const MAX_ROUNDS: usize = 40;

/// What the nodes of a unit mean that do not mean the first definition of their name.
type Meanings = Vec<(u32, Id)>;

/// Tells apart definitions of the same name.
pub(crate) fn definitions(work: &Work<'_>, gathered: &mut Gathered) -> Result<(), Error> {
    let declared: Vec<Vec<Id>> =
        gathered.units.iter_mut().map(|gist| std::mem::take(&mut gist.shaped.declared)).collect();
    let mut firsts: Map<Id, Id> = Map::default();
    let mut meanings: Map<usize, Meanings> = Map::default();
    let mut worker = Worker::new(work);
    for _ in 0..MAX_ROUNDS {
        worker.shaper.flush();
        let found = Found::new(work.pool, gathered, &mut firsts);
        let mut heirs = Map::default();
        let mut changed: Vec<(usize, Meanings)> = Vec::new();
        for (at, declared) in declared.iter().enumerate() {
            let has_other = gathered.units[at].shaped.definitions.iter().any(|id| found.others.contains(id));
            let declares = declared.iter().any(|name| found.names.contains(name));
            if !has_other && !declares && !meanings.contains_key(&at) {
                continue;
            }
            let unit = worker.read(at, &gathered.linked)?;
            let old = meanings.get(&at).map_or(&[][..], Vec::as_slice);
            let definitions = &gathered.units[at].shaped.definitions;
            let new = found.meanings(&unit.nodes, definitions, declared, old, &mut heirs);
            if new != old {
                changed.push((at, new));
            }
        }
        if changed.is_empty() {
            break;
        }
        make_again(&mut worker, gathered, &mut meanings, changed)?;
    }
    worker.shaper.flush();
    Ok(())
}

/// Makes the records of changed units again. A linked one may mean a definition of another unit, so that all of them
/// are made again if one has changed.
fn make_again(
    worker: &mut Worker<'_>,
    gathered: &mut Gathered,
    meanings: &mut Map<usize, Meanings>,
    changed: Vec<(usize, Meanings)>,
) -> Result<(), Error> {
    let is_linked = |gathered: &Gathered, at: usize| gathered.units[at].is_linked;
    let mut linked = Vec::new();
    if changed.iter().any(|&(at, _)| gathered.linked.has(at)) {
        linked.extend((0..gathered.units.len()).filter(|&at| is_linked(gathered, at)));
    }
    for &at in &linked {
        worker.undo(at, &gathered.linked, meanings.get(&at).map_or(&[], Vec::as_slice));
    }
    for (at, new) in changed {
        let old = meanings.remove(&at).unwrap_or_default();
        gathered.linked.set_meanings(at, &new);
        if !is_linked(gathered, at) {
            worker.read(at, &gathered.linked)?;
            worker.undo(at, &gathered.linked, &old);
            gathered.units[at].shaped = worker.redo(at, &gathered.linked, &new);
        }
        meanings.insert(at, new);
    }
    for at in linked {
        let new = meanings.get(&at).map_or(&[][..], Vec::as_slice);
        gathered.units[at].shaped = worker.redo(at, &gathered.linked, new);
    }
    Ok(())
}

/// What a round has to tell apart.
struct Found {
    /// The names with several definitions.
    names: Set<Id>,
    /// The definitions that are not the first of their name.
    others: Set<Id>,
}

impl Found {
    fn new(pool: &Pool, gathered: &Gathered, firsts: &mut Map<Id, Id>) -> Found {
        let mut by_name: Map<Id, Vec<Id>> = Map::default();
        let mut meant: Set<Id> = Set::default();
        pool.each(|id, record| {
            if record.count == 0 {
                return;
            }
            match record.rec() {
                Some(Rec::Struct | Rec::Union | Rec::Enum | Rec::Wide) if record.word(0) != 0 => {
                    by_name.entry(record.id(0)).or_default().push(id);
                }
                Some(Rec::Name) if record.word(2) != 0 => {
                    meant.insert(id);
                }
                _ => {}
            }
        });
        by_name.retain(|name, definitions| definitions.len() > 1 || meant.contains(name));
        // Their order is that of the units: places in the pool may be of occurrences that were taken back.
        let mut order: Map<Id, usize> = by_name.values().flatten().map(|&id| (id, usize::MAX)).collect();
        let all = gathered.units.iter().flat_map(|gist| &gist.shaped.definitions);
        for (at, id) in all.enumerate() {
            if let Some(first) = order.get_mut(id) {
                *first = at.min(*first);
            }
        }
        let mut found = Found { names: firsts.keys().copied().collect(), others: Set::default() };
        for (name, definitions) in by_name {
            if meant.contains(&name) {
                // These are told apart already.
                found.others.extend(definitions);
                continue;
            }
            found.names.insert(name);
            let known = firsts.get(&name).filter(|first| definitions.contains(first)).copied();
            let first = known.or_else(|| definitions.iter().copied().min_by_key(|id| order.get(id).copied()));
            let first = first.unwrap_or_default();
            firsts.insert(name, first);
            found.others.extend(definitions.into_iter().filter(|&id| id != first));
        }
        found
    }

    /// What the nodes of a unit mean, given its definitions and the names that it declares. Those that meant the same
    /// and have become different are told apart by what they are now, but for the first, which goes on to mean what it
    /// meant: so units change only if there is something new.
    fn meanings(
        &self,
        nodes: &[Node],
        definitions: &[Id],
        declared: &[Id],
        old: &[(u32, Id)],
        heirs: &mut Map<Id, Id>,
    ) -> Meanings {
        let (mut definitions, mut declared) = (definitions.iter(), declared.iter());
        let mut meanings = Meanings::new();
        let defined = nodes.iter().filter(|node| is_definition(node) && has_name(node));
        let own: Map<_, Id> = defined.zip(definitions.clone()).map(|(node, &id)| (key(node), id)).collect();
        let mut old = old.iter().peekable();
        for (number, node) in (0..).zip(nodes).filter(|(_, node)| has_name(node)) {
            let meaning = if is_definition(node) {
                definitions.next().copied()
            } else if is_declaration(node) {
                // Its own definition if it has one, else what is only declared.
                let name = declared.next().copied().filter(|name| self.names.contains(name));
                own.get(&key(node)).copied().or(name)
            } else {
                None
            };
            while old.next_if(|&&(before, _)| before < number).is_some() {}
            let meant = old.next_if(|&&(same, _)| same == number).map(|&(_, meant)| meant);
            match (meaning, meant) {
                (Some(id), Some(meant)) if self.others.contains(&id) => {
                    let heir = *heirs.entry(meant).or_insert(id);
                    meanings.push((number, if heir == id { meant } else { id }));
                }
                (Some(id), _) if self.others.contains(&id) || self.names.contains(&id) => {
                    meanings.push((number, id));
                }
                _ => {}
            }
        }
        meanings
    }
}

/// By what a declaration finds its definition in the same unit.
fn key(node: &Node) -> (Name, u32, Kind) {
    (node.name, node.scope, node.kind)
}
