//! Short loops whose number of rounds is known become straight code.
//!
//! A loop is walked as it would run, with the constants it begins with: what follows from them is a number, where they
//! decide a branch one way is left. If the walk ends, and what was walked is little enough, the rounds are written one
//! after the other. It may be more if much of it becomes constant; and if the loop moves along the context, which the
//! kernel wants to be accessed at constant offsets.

use rustc_hash::FxHashMap;

use super::loops::Loops;
use super::repair::{self, Definitions};
use super::{Context, decide, eval, flow};
use crate::Opt;
use crate::ir::{Block, Cfg, Edge, Func, Op, Term, Value};

/// How many rounds are walked.
const MAX_ROUNDS: usize = 64;

/// How many instructions a loop may have.
const MAX_BODY: usize = 100;

/// How many instructions may come of a loop if nothing of what it executed were left.
const MAX_COST: usize = 130;

pub(super) fn run(func: &mut Func, context: &Context) -> bool {
    let cfg = Cfg::new(func);
    let loops = Loops::new(func, &cfg);
    if loops.loops.is_empty() || !loops.irreducible.is_empty() {
        return false;
    }
    let mut has_inner = vec![false; loops.loops.len()];
    loops.loops.iter().filter_map(|it| it.parent).for_each(|outer| has_inner[outer] = true);
    // What all loops together may add: a function stays within twice its size, but for small ones.
    let mut room = 600 + func.nodes.len();
    let mut definitions = Definitions::default();
    let mut changed = false;
    for (it, has_inner) in loops.loops.iter().zip(has_inner) {
        if has_inner {
            continue;
        }
        let mut blocks = it.blocks.clone();
        blocks.sort_unstable_by_key(|block| cfg.position(*block));
        let Some(walk) = Walk::of(func, &cfg, context, blocks) else { continue };
        if walk.cost > room {
            continue;
        }
        room -= walk.cost;
        walk.write(func, &mut definitions);
        changed = true;
    }
    if changed {
        flow::prune(func);
        definitions.repair(func);
        flow::compact(func);
    }
    changed
}

/// What happens in a loop.
struct Walk {
    /// Its blocks in order, the header first.
    blocks: Vec<Block>,
    /// From where it is entered.
    before: Block,
    /// For each round, the branches that are decided: the place of a block in `blocks`, and the way it goes.
    rounds: Vec<Vec<(usize, usize)>>,
    cost: usize,
}

impl Walk {
    fn of(func: &Func, cfg: &Cfg, context: &Context, blocks: Vec<Block>) -> Option<Walk> {
        let header = blocks[0];
        let is_inside = |block: &Block| blocks.contains(block);
        let mut size = 0;
        for &block in &blocks {
            size += 1 + decide::copy_cost(func, block)?;
            if size > MAX_BODY {
                return None;
            }
        }
        let mut outside = cfg.preds(header).iter().filter(|pred| !is_inside(pred));
        let before = *outside.next()?;
        if outside.next().is_some() {
            return None;
        }
        let mut start = None;
        func.block(before).term.each_edge(|edge| {
            if edge.block == header {
                start = Some(edge.clone());
            }
        });
        let numbers = |edge: &Edge| edge.args.iter().map(|arg| func.as_const(*arg)).collect::<Vec<_>>();
        let mut state = numbers(&start?);
        if state.iter().all(Option::is_none) {
            return None;
        }
        // What it costs to write a round if nothing is known.
        let (any, _) = Round::new(func, &blocks, &vec![None; state.len()]);
        let for_size = context.options.opt == Opt::Os && !moves_along_context(func, context, &blocks);
        let max = if for_size { any.cost + 2 } else { MAX_COST };
        let mut walk = Walk { blocks, before, rounds: Vec::new(), cost: 0 };
        loop {
            let (round, next) = Round::new(func, &walk.blocks, &state);
            walk.cost += round.cost;
            // Before the first round ends, some way out must have been decided on: else the walk would not end.
            let leads_out = |&(at, _): &(usize, usize)| {
                let mut out = false;
                func.block(walk.blocks[at]).term.each_edge(|edge| out |= !walk.blocks.contains(&edge.block));
                out
            };
            if next.is_some() && !round.decided.iter().any(leads_out) {
                return None;
            }
            walk.rounds.push(round.decided);
            if walk.rounds.len() > MAX_ROUNDS || walk.cost > max {
                return None;
            }
            let Some(next) = next else { break };
            state = next;
        }
        // The more is saved the more may be written.
        let executed = any.cost * walk.rounds.len();
        let pays = for_size || walk.cost * executed <= MAX_COST * executed.saturating_sub(walk.cost);
        pays.then_some(walk)
    }

    /// Writes the rounds one after the other.
    fn write(&self, func: &mut Func, definitions: &mut Definitions) {
        let header = self.blocks[0];
        let mut last: Vec<Block> = vec![self.before];
        let mut entry = header;
        for decided in &self.rounds {
            let copies = repair::copy(func, &self.blocks);
            for (&block, &copy) in self.blocks.iter().zip(&copies.blocks) {
                definitions.add(func, block, copy, &copies);
            }
            for &(at, to) in decided {
                decide::settle(func, copies.blocks[at], to);
            }
            for &block in &last {
                func.block_mut(block).term.each_edge_mut(|edge| {
                    if edge.block == entry {
                        edge.block = copies.blocks[0];
                    }
                });
            }
            entry = copies.blocks[0];
            last = copies.blocks;
        }
    }
}

/// One time around.
struct Round<'a> {
    func: &'a Func,
    numbers: FxHashMap<Value, i64>,
    decided: Vec<(usize, usize)>,
    cost: usize,
}

impl Round<'_> {
    /// Walks through the blocks; also tells with what the next round begins, if there is one.
    fn new<'a>(
        func: &'a Func,
        blocks: &[Block],
        state: &[Option<i64>],
    ) -> (Round<'a>, Option<Vec<Option<i64>>>) {
        let mut round = Round { func, numbers: FxHashMap::default(), decided: Vec::new(), cost: 0 };
        // What is brought to each block, as far as its ways have been walked; `None` before the first one.
        let mut brought: Vec<Option<Vec<Option<i64>>>> = vec![None; blocks.len()];
        brought[0] = Some(state.to_vec());
        let mut next: Option<Vec<Option<i64>>> = None;
        for (at, &block) in blocks.iter().enumerate() {
            let Some(params) = brought[at].take() else { continue };
            round.walk(block, &params);
            let term = &func.block(block).term;
            let way = round.way(term);
            match way {
                Some(way) => round.decided.push((at, way)),
                None if matches!(term, Term::Jump(_)) => {}
                None => round.cost += 1,
            }
            let mut number = 0;
            term.each_edge(|edge| {
                let is_open = way.is_none_or(|way| way == number);
                number += 1;
                let Some(to) = blocks.iter().position(|block| *block == edge.block).filter(|_| is_open)
                else {
                    return;
                };
                let args: Vec<Option<i64>> = edge.args.iter().map(|arg| round.number(*arg)).collect();
                let known = if to == 0 { &mut next } else { &mut brought[to] };
                match known {
                    None => *known = Some(args),
                    Some(known) => {
                        for (known, arg) in known.iter_mut().zip(args) {
                            *known = known.filter(|known| Some(*known) == arg);
                        }
                    }
                }
            });
        }
        (round, next)
    }

    fn walk(&mut self, block: Block, params: &[Option<i64>]) {
        let data = self.func.block(block);
        for (param, number) in data.params.iter().zip(params) {
            if let Some(number) = number {
                self.numbers.insert(*param, *number);
            }
        }
        for &inst in &data.insts {
            match eval::inst(self.func, inst, |v| self.number(v)) {
                Some(number) => {
                    self.numbers.insert(inst, number);
                }
                None => self.cost += self.cost_of(inst),
            }
        }
    }

    /// What an instruction costs whose value is no constant.
    fn cost_of(&self, inst: Value) -> usize {
        match &self.func.node(inst).op {
            // Becomes a part of the accesses through it.
            Op::PtrAdd { index, .. } if index.is_none_or(|index| self.number(index).is_some()) => 0,
            // Nothing, or an instruction without the value.
            Op::Cast(..) | Op::Slot(_) => 0,
            op => decide::cost(op).unwrap_or(1),
        }
    }

    fn number(&self, value: Value) -> Option<i64> {
        self.numbers.get(&value).copied().or_else(|| self.func.as_const(value))
    }

    fn way(&self, term: &Term) -> Option<usize> {
        match term {
            Term::Branch { cond, a, b, .. } => {
                let (x, y) = (self.number(*a)?, self.number(*b)?);
                Some(usize::from(!eval::holds(*cond, self.func.ty(*a), x, y)))
            }
            Term::Switch { value, cases, .. } => {
                let number = self.number(*value)?;
                Some(cases.iter().position(|(case, _)| *case == number).unwrap_or(cases.len()))
            }
            _ => None,
        }
    }
}

/// Whether a loop adds a variable to the context of a program.
fn moves_along_context(func: &Func, context: &Context, blocks: &[Block]) -> bool {
    // Programs are in sections of their own.
    if context.module.symbol(func.symbol).section.is_none() {
        return false;
    }
    let Some(&first) = func.block(Func::ENTRY).params.first() else { return false };
    let insts = blocks.iter().flat_map(|block| &func.block(*block).insts);
    insts.copied().any(|inst| {
        let Op::PtrAdd { mut base, index: Some(_), .. } = func.node(inst).op else { return false };
        while let Op::PtrAdd { base: inner, .. } = func.node(base).op {
            base = inner;
        }
        base == first
    })
}
