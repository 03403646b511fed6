//! One name, several definitions.
//!
//! A record refers to a struct, union or enumeration by its name. Where a program has two definitions of one name,
//! each in its own units, one of them (the first) keeps the plain name, and the units that have another one are made
//! into records again, now meaning that one by its id. A struct that refers to it is thereby another one as well, and
//! may be a second definition of *its* name: so this is repeated until nothing new comes up. It is the refinement of a
//! partition, done only where there is something to refine. A unit that only declares a name means the first.

use crate::error::Error;
use crate::gather::{Gathered, Work, Worker};
use crate::hash::{Map, Set};
use crate::pool::{Id, Pool, Rec};
use crate::shape::{has_name, is_definition};

/// A name in a chain of structs may need a round per struct; a program's chains are short.
const MAX_ROUNDS: usize = 40;

/// Tells apart definitions of the same name.
pub(crate) fn definitions(work: &Work<'_>, gathered: &mut Gathered) -> Result<(), Error> {
    let mut firsts: Map<Id, Id> = Map::default();
    let mut meanings: Map<usize, Vec<(u32, Id)>> = Map::default();
    let mut worker = Worker::new(work);
    let mut classes = 0;
    for _ in 0..MAX_ROUNDS {
        worker.shaper.flush();
        let others = others(work.pool, gathered, &mut firsts);
        if others.is_empty() {
            break;
        }
        let found: Set<Id> = gathered
            .units
            .iter()
            .flat_map(|gist| gist.shaped.definitions.iter().copied())
            .filter(|id| others.contains(id))
            .collect();
        // Their number grows as long as there is something to tell apart.
        if found.len() == classes {
            break;
        }
        classes = found.len();
        let touched: Vec<usize> = (0..gathered.units.len())
            .filter(|at| {
                let gist = &gathered.units[*at];
                gist.shaped.definitions.iter().any(|id| others.contains(id)) || meanings.contains_key(at)
            })
            .collect();
        for at in touched {
            let old = meanings.remove(&at).unwrap_or_default();
            let definitions = std::mem::take(&mut gathered.units[at].shaped.definitions);
            let unit = worker.read(at, &gathered.linked)?;
            let nodes = (0..).zip(&unit.nodes).filter(|(_, node)| is_definition(node) && has_name(node));
            let new: Vec<(u32, Id)> = nodes
                .zip(definitions)
                .filter(|(_, id)| others.contains(id))
                .map(|((node, _), id)| (node, id))
                .collect();
            gathered.units[at].shaped = worker.again(at, &gathered.linked, &old, &new);
            meanings.insert(at, new);
        }
    }
    worker.shaper.flush();
    Ok(())
}

/// The definitions that are not the first of their name.
fn others(pool: &Pool, gathered: &Gathered, firsts: &mut Map<Id, Id>) -> Set<Id> {
    let mut by_name: Map<Id, Vec<Id>> = Map::default();
    let mut meant: Set<Id> = Set::default();
    pool.each(|id, record| {
        if record.count == 0 {
            return;
        }
        match record.rec() {
            Some(Rec::Struct | Rec::Union | Rec::Enum) if record.word(0) != 0 => {
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
    let mut others = Set::default();
    for (name, definitions) in by_name {
        if meant.contains(&name) {
            // These are told apart already.
            others.extend(definitions);
            continue;
        }
        let known = firsts.get(&name).filter(|first| definitions.contains(first)).copied();
        let first = known.or_else(|| definitions.iter().copied().min_by_key(|id| order.get(id).copied()));
        let first = first.unwrap_or_default();
        firsts.insert(name, first);
        others.extend(definitions.into_iter().filter(|&id| id != first));
    }
    others
}
