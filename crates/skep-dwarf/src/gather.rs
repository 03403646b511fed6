//! All units, read and made into records, on as many threads as there are.
//!
//! A unit that refers to no other one is read, made into records and forgotten, so that memory does not grow with
//! their number. The others are kept until all units are read.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::decode::{Decoder, Root};
use crate::error::Error;
use crate::hash::Map;
use crate::input::Input;
use crate::model::{External, Unit};
use crate::options::{Arrays, Options, Progress};
use crate::pool::{Id, Pool};
use crate::registers::Registers;
use crate::report::{Skip, Tally};
use crate::shape::{Alone, Others, Shaped, Shaper};
use crate::unit::UnitKind;

/// What all units came to.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// In the order of the units.
    pub(crate) units: Vec<Gist>,
    /// The units that refer to others, and those that they refer to.
    pub(crate) linked: Linked,
}

/// What one unit came to.
#[derive(Debug, Default)]
pub(crate) struct Gist {
    pub(crate) root: Root,
    pub(crate) shaped: Shaped,
    pub(crate) is_linked: bool,
}

/// Units that are kept.
#[derive(Debug, Default)]
pub(crate) struct Linked {
    units: Map<usize, Unit>,
    /// Where the references of each unit lead.
    targets: Map<(usize, External), (usize, u32)>,
    /// Which of several definitions of its name a node is.
    meanings: Map<(u32, u32), Id>,
}

impl Linked {
    pub(crate) fn has(&self, at: usize) -> bool {
        self.units.contains_key(&at)
    }

    /// Sets what the nodes of a unit mean to other units.
    pub(crate) fn set_meanings(&mut self, at: usize, meanings: &[(u32, Id)]) {
        if self.has(at) {
            self.meanings.retain(|&(unit, _), _| unit != number(at));
            self.meanings.extend(meanings.iter().map(|&(node, id)| ((number(at), node), id)));
        }
    }
}

impl Others for Linked {
    fn find(&self, from: u32, to: External) -> Option<(u32, &Unit, u32)> {
        let from = usize::try_from(from).ok()?;
        let &(at, die) = self.targets.get(&(from, to))?;
        let unit = self.units.get(&at)?;
        Some((u32::try_from(at).ok()?, unit, unit.find(die)?))
    }

    fn meaning(&self, unit: u32, node: u32) -> Id {
        self.meanings.get(&(unit, node)).copied().unwrap_or_default()
    }
}

/// What workers share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work<'w> {
    pub(crate) input: &'w Input<'w>,
    pub(crate) options: &'w Options<'w>,
    pub(crate) pool: &'w Pool,
    pub(crate) variables: &'w [Range<u64>],
    pub(crate) registers: Registers,
    pub(crate) arrays: Arrays,
}

/// Reads all units.
pub(crate) fn units(work: &Work<'_>) -> Result<Gathered, Error> {
    let count = work.input.units.len();
    let mut all = Gathered { units: Vec::new(), linked: Linked::default() };
    all.units.resize_with(count, Gist::default);
    let mut kept = Vec::new();
    for (at, gist, unit) in in_order(work, count, |worker, at| worker.unit(at))? {
        all.units[at] = gist;
        if let Some(unit) = unit {
            kept.push((at, unit));
        }
    }
    all.linked = link(work, kept)?;
    let linked: Vec<usize> = (0..count).filter(|&at| all.units[at].is_linked).collect();
    let shaped = in_order(work, linked.len(), |worker, at| {
        let at = linked[at];
        Ok((at, worker.linked(at, &all.linked)))
    })?;
    for (at, shaped) in shaped {
        all.units[at].shaped = shaped;
    }
    Ok(all)
}

/// Adds the units that the kept ones refer to.
fn link(work: &Work<'_>, kept: Vec<(usize, Unit)>) -> Result<Linked, Error> {
    let mut linked = Linked::default();
    let mut missing = Vec::new();
    for (at, unit) in &kept {
        for &external in &unit.externals {
            if let Some(target) = work.input.find(*at, external) {
                linked.targets.insert((*at, external), target);
                missing.push(target.0);
            }
        }
    }
    linked.units.extend(kept);
    missing.sort_unstable();
    missing.dedup();
    missing.retain(|at| !linked.units.contains_key(at));
    let read = in_order(work, missing.len(), |worker, at| {
        let mut unit = Unit::default();
        worker.decoder.unit(&work.input.source(work.input.units[missing[at]]), &mut unit)?;
        Ok((missing[at], unit))
    })?;
    linked.units.extend(read);
    Ok(linked)
}

/// One thread's means.
pub(crate) struct Worker<'w> {
    work: Work<'w>,
    decoder: Decoder,
    pub(crate) shaper: Shaper<'w>,
    unit: Unit,
}

impl<'w> Worker<'w> {
    pub(crate) fn new(work: &Work<'w>) -> Worker<'w> {
        Worker {
            work: *work,
            decoder: Decoder::new(work.registers),
            shaper: Shaper::new(work.pool, &work.input.names, work.variables, work.arrays),
            unit: Unit::default(),
        }
    }

    /// Reads a unit; gives it back if it has to be kept.
    fn unit(&mut self, at: usize) -> Result<(usize, Gist, Option<Unit>), Error> {
        let header = self.work.input.units[at];
        let root = self.decoder.unit(&self.work.input.source(header), &mut self.unit)?;
        if let Some(report) = self.work.options.progress {
            let read = self.work.input.file_range(&header);
            report(Progress { read, unit: at, units: self.work.input.units.len() });
        }
        let mut gist = Gist { root, ..Gist::default() };
        let languages = &self.work.options.languages;
        if !languages.is_empty() && !languages.contains(&self.unit.lang) && header.kind == UnitKind::Compile {
            let mut tally = Tally::default();
            tally.seen = self.unit.tally.seen;
            tally.skip(Skip::Language, tally.seen);
            gist.shaped.tally = tally;
            return Ok((at, gist, None));
        }
        if self.unit.externals.is_empty() {
            gist.shaped = self.shaper.unit(number(at), &self.unit, &Alone, &[]);
            return Ok((at, gist, None));
        }
        gist.is_linked = true;
        Ok((at, gist, Some(std::mem::take(&mut self.unit))))
    }

    fn linked(&mut self, at: usize, others: &Linked) -> Shaped {
        match others.units.get(&at) {
            Some(unit) => self.shaper.unit(number(at), unit, others, &[]),
            None => Shaped::default(),
        }
    }

    /// A unit that has been read before.
    pub(crate) fn read<'u>(&'u mut self, at: usize, others: &'u Linked) -> Result<&'u Unit, Error> {
        if let Some(unit) = others.units.get(&at) {
            return Ok(unit);
        }
        self.decoder.unit(&self.work.input.source(self.work.input.units[at]), &mut self.unit)?;
        Ok(&self.unit)
    }

    /// Takes back the records of a unit: of the one that was read last, or of a linked one.
    pub(crate) fn undo(&mut self, at: usize, others: &Linked, meant: &[(u32, Id)]) {
        let unit = others.units.get(&at).unwrap_or(&self.unit);
        self.shaper.undo(number(at), unit, others, meant);
    }

    /// Makes the records of such a unit.
    pub(crate) fn redo(&mut self, at: usize, others: &Linked, meant: &[(u32, Id)]) -> Shaped {
        let unit = others.units.get(&at).unwrap_or(&self.unit);
        self.shaper.unit(number(at), unit, others, meant)
    }
}

fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Calls `step` with each number below `count`, on all threads; the results are in no order. The error is that of the
/// lowest number.
fn in_order<'w, T: Send>(
    work: &Work<'w>,
    count: usize,
    step: impl Fn(&mut Worker<'w>, usize) -> Result<T, Error> + Sync,
) -> Result<Vec<T>, Error> {
    let next = AtomicUsize::new(0);
    let failed: Mutex<Option<(usize, Error)>> = Mutex::new(None);
    let run = || {
        let mut worker = Worker::new(work);
        let mut results = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= count {
                worker.shaper.flush();
                return results;
            }
            match step(&mut worker, at) {
                Ok(result) => results.push(result),
                Err(error) => {
                    // What comes later need not be read, what came before is being read.
                    next.fetch_max(count, Ordering::Relaxed);
                    let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                    if failed.as_ref().is_none_or(|&(first, _)| at < first) {
                        *failed = Some((at, error));
                    }
                    return results;
                }
            }
        }
    };
    let threads = work.options.threads.get().min(count);
    let results = if threads <= 1 {
        run()
    } else {
        thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
            let mut results = run();
            for other in others {
                // A worker does not panic; were it to, the results would be incomplete, so it goes on here.
                match other.join() {
                    Ok(more) => results.extend(more),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            results
        })
    };
    match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some((_, error)) => Err(error),
        None => Ok(results),
    }
}
