//! Branches are decided where their outcome is known.
//!
//! A block at whose end a branch asks for what an edge into it has settled is passed by that edge: it gets a copy of the
//! block that goes on without asking. What an edge settles are the constants it brings, and the branches that were taken
//! on the way to it. For the verifier this is more than a shorter way: it follows no way that is never taken.
//!
//! Only branches on the very same values count: what follows by arithmetic from a test need not be known to the kernel.

use smallvec::SmallVec;

use super::repair::{self, Definitions};
use super::{Context, eval, flow};
use crate::Opt;
use crate::ir::{Block, CastOp, Cfg, Cond, Edge, Func, Op, Term, Type, Value, Width};

/// How many blocks are looked at on the way up for branches that were taken.
const MAX_UP: usize = 12;

/// How often what was decided may make more known.
const MAX_ROUNDS: usize = 3;

/// How many instructions of a block are looked at.
const MAX_INSTS: usize = 24;

pub(super) fn run(func: &mut Func, context: &Context) -> bool {
    if func.blocks.len() < 3 {
        return false;
    }
    // What a copy may cost, and all of them together.
    let (each, mut all) = match context.options.opt {
        Opt::Os => (2, func.nodes.len() / 16),
        _ => (8, 24 + func.nodes.len() / 4),
    };
    let mut changed = false;
    for _ in 0..MAX_ROUNDS {
        let plans = plans(func, each, &mut all);
        if plans.is_empty() {
            break;
        }
        carry_out(func, plans);
        changed = true;
    }
    flow::compact(func);
    changed
}

/// What is to be done with a block.
struct Plan {
    block: Block,
    /// Edges, by their block and their place in its terminator, for each successor to which they lead.
    groups: Vec<(usize, Vec<(Block, usize)>)>,
    /// All edges are decided: the last group needs no copy.
    complete: bool,
}

fn plans(func: &Func, each: usize, all: &mut usize) -> Vec<Plan> {
    let cfg = Cfg::new(func);
    let mut touched = vec![false; func.blocks.len()];
    let mut plans = Vec::new();
    for &block in cfg.order.iter().skip(1) {
        let data = func.block(block);
        if !matches!(data.term, Term::Branch { .. } | Term::Switch { .. }) {
            continue;
        }
        let preds = cfg.preds(block);
        // What is reached again from behind stays one: a loop has one entry.
        let is_header = preds.iter().any(|&pred| cfg.position(pred) >= cfg.position(block));
        if is_header || touched[block.0 as usize] || preds.iter().any(|pred| touched[pred.0 as usize]) {
            continue;
        }
        let Some(plan) = plan(func, &cfg, block, each, all) else { continue };
        touched[block.0 as usize] = true;
        preds.iter().for_each(|pred| touched[pred.0 as usize] = true);
        data.term.each_edge(|edge| touched[edge.block.0 as usize] = true);
        plans.push(plan);
    }
    plans
}

fn plan(func: &Func, cfg: &Cfg, block: Block, each: usize, all: &mut usize) -> Option<Plan> {
    let data = func.block(block);
    let preds = cfg.preds(block);
    if !may_be_decided(func, cfg, block) {
        return None;
    }
    let mut groups: Vec<(usize, Vec<(Block, usize)>)> = Vec::new();
    let mut undecided = 0;
    let mut last = None;
    for &pred in preds {
        if last.replace(pred) == Some(pred) {
            continue;
        }
        let mut at = 0;
        func.block(pred).term.each_edge(|edge| {
            if edge.block == block {
                match Way::new(func, cfg, pred, at, edge, block).outcome(&data.term) {
                    Some(to) => match groups.iter_mut().find(|(it, _)| *it == to) {
                        Some((_, edges)) => edges.push((pred, at)),
                        None => groups.push((to, vec![(pred, at)])),
                    },
                    None => undecided += 1,
                }
            }
            at += 1;
        });
    }
    let complete = undecided == 0;
    let copies = groups.len() - usize::from(complete && !groups.is_empty());
    if groups.is_empty() {
        return None;
    }
    if copies > 0 {
        let cost = copy_cost(func, block)?;
        if cost > each || cost * copies > *all {
            return None;
        }
        *all -= cost * copies;
    }
    // The largest group keeps the block.
    groups.sort_by_key(|(to, edges)| (edges.len(), std::cmp::Reverse(*to)));
    Some(Plan { block, groups, complete })
}

/// Whether it is worth looking at the edges: what is asked comes with them, or was asked before.
fn may_be_decided(func: &Func, cfg: &Cfg, block: Block) -> bool {
    let data = func.block(block);
    let preds = cfg.preds(block);
    let (a, b) = match data.term {
        Term::Branch { a, b, .. } => (a, Some(b)),
        Term::Switch { value, .. } => (value, None),
        _ => return false,
    };
    if data.insts.len() > MAX_INSTS || preds.len() > 64 {
        return false;
    }
    // A block with one way in takes part only by what was asked before.
    if preds.len() == 1 {
        return !data.insts.contains(&a) && b.is_none_or(|b| !data.insts.contains(&b));
    }
    true
}

/// What copying a block costs; `None` if it must stay one.
pub(super) fn copy_cost(func: &Func, block: Block) -> Option<usize> {
    func.block(block).insts.iter().map(|inst| cost(&func.node(*inst).op)).sum()
}

/// About how many instructions an operation takes; `None` if it must not be copied.
pub(super) fn cost(op: &Op) -> Option<usize> {
    match op {
        Op::Const(_) | Op::Slot(_) => Some(0),
        Op::Marker { .. } | Op::Asm(_) | Op::Pin(_) => None,
        Op::Call { args, .. } => Some(2 + args.len()),
        Op::Copy { size, .. } | Op::Fill { size, .. } => Some(2 * usize::try_from(size.div_ceil(8)).ok()?),
        _ => Some(1),
    }
}

/// One way into a block, and what is known on it.
struct Way<'a> {
    func: &'a Func,
    /// What the values of the block are.
    bound: SmallVec<[(Value, Value); 8]>,
    numbers: SmallVec<[(Value, i64); 8]>,
    /// What was asked on the way, and answered with yes.
    facts: SmallVec<[(Cond, Value, Value); 8]>,
}

impl<'a> Way<'a> {
    fn new(func: &'a Func, cfg: &Cfg, pred: Block, at: usize, edge: &Edge, block: Block) -> Way<'a> {
        let mut way = Way { func, bound: SmallVec::new(), numbers: SmallVec::new(), facts: SmallVec::new() };
        let data = func.block(block);
        for (&param, &arg) in data.params.iter().zip(&edge.args) {
            way.bound.push((param, arg));
        }
        way.facts.extend(fact(func, pred, at));
        let mut block = pred;
        for _ in 0..MAX_UP {
            let Some(up) = cfg.idom(block) else { break };
            if let [only] = cfg.preds(block) {
                let mut at = 0;
                func.block(*only).term.each_edge(|edge| {
                    if edge.block == block {
                        way.facts.extend(fact(func, *only, at));
                    }
                    at += 1;
                });
            }
            block = up;
        }
        for &inst in &data.insts {
            if let Some(number) = eval::inst(func, inst, |v| way.number(v)) {
                way.numbers.push((inst, number));
            }
        }
        way
    }

    /// What a value of the block is called outside of it.
    fn resolve(&self, value: Value) -> Value {
        self.bound.iter().find(|(it, _)| *it == value).map_or(value, |(_, to)| *to)
    }

    fn number(&self, value: Value) -> Option<i64> {
        if let Some((_, number)) = self.numbers.iter().find(|(it, _)| *it == value) {
            return Some(*number);
        }
        let value = self.resolve(value);
        self.func.as_const(value).or_else(|| {
            self.facts.iter().find_map(|&(cond, a, b)| {
                (cond == Cond::Eq && a == value).then(|| self.func.as_const(b)).flatten()
            })
        })
    }

    /// Which successor a terminator goes to.
    fn outcome(&self, term: &Term) -> Option<usize> {
        match term {
            Term::Branch { cond, a, b, .. } => self.answer(*cond, *a, *b).map(|yes| usize::from(!yes)),
            Term::Switch { value, cases, .. } => {
                let number = self.number(*value)?;
                Some(cases.iter().position(|(case, _)| *case == number).unwrap_or(cases.len()))
            }
            _ => None,
        }
    }

    fn answer(&self, cond: Cond, a: Value, b: Value) -> Option<bool> {
        let ty = self.func.ty(a);
        let (x, y) = (self.number(a), self.number(b));
        if let (Some(x), Some(y)) = (x, y) {
            return Some(eval::holds(cond, ty, x, y));
        }
        let (a, b) = (self.resolve(a), self.resolve(b));
        if a == b && !matches!(cond, Cond::Set | Cond::Clear) {
            return Some(cond.holds(0, 0, 64));
        }
        for &(held, x, y) in &self.facts {
            let held = match (x == a && y == b, x == b && y == a) {
                (true, _) => held,
                (_, true) => held.swapped(),
                _ => continue,
            };
            if let Some(answer) = follows(held, cond) {
                return Some(answer);
            }
        }
        if y == Some(0) && matches!(cond, Cond::Eq | Cond::Ne) && ty.is_ptr() && is_not_null(self.func, a) {
            return Some(cond == Cond::Ne);
        }
        y.and_then(|y| self.bounds(ty, a).answer(cond, ty, y))
    }

    /// The bounds of a value that compares with constants have told.
    fn bounds(&self, ty: Type, value: Value) -> Bounds {
        let mut bounds = Bounds::of(ty);
        if ty.is_ptr() {
            return bounds;
        }
        for &(cond, a, b) in &self.facts {
            if a == value
                && let Some(number) = self.func.as_const(b)
            {
                bounds.learn(cond, ty, number);
            }
        }
        bounds
    }
}

/// What holds where an edge is taken.
fn fact(func: &Func, block: Block, at: usize) -> Option<(Cond, Value, Value)> {
    match &func.block(block).term {
        Term::Branch { cond, a, b, then, other } if then.block != other.block => {
            Some((if at == 0 { *cond } else { cond.inverse() }, *a, *b))
        }
        _ => None,
    }
}

/// The answer of a compare if another one of the same values holds.
fn follows(held: Cond, asked: Cond) -> Option<bool> {
    if held == asked {
        return Some(true);
    }
    if held == asked.inverse() {
        return Some(false);
    }
    match (held, asked) {
        (Cond::Eq, Cond::Ule | Cond::Uge | Cond::Sle | Cond::Sge) => Some(true),
        (Cond::Eq, Cond::Ult | Cond::Ugt | Cond::Slt | Cond::Sgt) => Some(false),
        (Cond::Ult | Cond::Ugt | Cond::Slt | Cond::Sgt, Cond::Ne) => Some(true),
        (Cond::Ult | Cond::Ugt | Cond::Slt | Cond::Sgt, Cond::Eq) => Some(false),
        (Cond::Ult, Cond::Ule) | (Cond::Ugt, Cond::Uge) => Some(true),
        (Cond::Slt, Cond::Sle) | (Cond::Sgt, Cond::Sge) => Some(true),
        (Cond::Ult, Cond::Ugt) | (Cond::Ugt, Cond::Ult) => Some(false),
        (Cond::Slt, Cond::Sgt) | (Cond::Sgt, Cond::Slt) => Some(false),
        _ => None,
    }
}

/// Whether a pointer is a constant, positive number of bytes behind one that the context gave as 32 bits: the sum is not
/// 0, neither as a number nor as the packet pointer that the kernel makes of it.
fn is_not_null(func: &Func, pointer: Value) -> bool {
    let Op::PtrAdd { base, index: None, offset } = func.node(pointer).op else { return false };
    let number = match func.node(base).op {
        Op::Cast(CastOp::IntToPtr, number) => number,
        _ => base,
    };
    let has_32_bits = match func.node(number).op {
        Op::Cast(CastOp::Zext, inner) => func.ty(inner).bits() <= 32,
        Op::Load { access, signed: false, .. } => access.width == Width::W32,
        _ => false,
    };
    has_32_bits && (1..1 << 29).contains(&offset)
}

/// Bounds of a number, as both signs see it.
struct Bounds {
    min: u64,
    max: u64,
    smin: i64,
    smax: i64,
}

impl Bounds {
    fn of(ty: Type) -> Bounds {
        let sign = 1u64 << (ty.bits() - 1);
        Bounds {
            min: 0,
            max: ty.mask(),
            smin: ty.canonical(sign.cast_signed()),
            smax: ty.canonical((sign - 1).cast_signed()),
        }
    }

    fn learn(&mut self, cond: Cond, ty: Type, number: i64) {
        let bits = eval::bits(ty, number);
        match cond {
            Cond::Ult if bits > 0 => self.max = self.max.min(bits - 1),
            Cond::Ule => self.max = self.max.min(bits),
            Cond::Ugt if bits < u64::MAX => self.min = self.min.max(bits + 1),
            Cond::Uge => self.min = self.min.max(bits),
            Cond::Slt => self.smax = self.smax.min(number.saturating_sub(1)),
            Cond::Sle => self.smax = self.smax.min(number),
            Cond::Sgt => self.smin = self.smin.max(number.saturating_add(1)),
            Cond::Sge => self.smin = self.smin.max(number),
            // The ends of what is possible move.
            Cond::Ne if bits == self.min => self.min = self.min.saturating_add(1),
            Cond::Ne if bits == self.max => self.max = self.max.saturating_sub(1),
            _ => {}
        }
    }

    fn answer(&self, cond: Cond, ty: Type, number: i64) -> Option<bool> {
        let bits = eval::bits(ty, number);
        let pick = |yes: bool, no: bool| if yes { Some(true) } else { no.then_some(false) };
        let apart = bits < self.min || bits > self.max || number < self.smin || number > self.smax;
        match cond {
            Cond::Eq => pick(false, apart),
            Cond::Ne => pick(apart, false),
            Cond::Ult => pick(self.max < bits, self.min >= bits),
            Cond::Ule => pick(self.max <= bits, self.min > bits),
            Cond::Ugt => pick(self.min > bits, self.max <= bits),
            Cond::Uge => pick(self.min >= bits, self.max < bits),
            Cond::Slt => pick(self.smax < number, self.smin >= number),
            Cond::Sle => pick(self.smax <= number, self.smin > number),
            Cond::Sgt => pick(self.smin > number, self.smax <= number),
            Cond::Sge => pick(self.smin >= number, self.smax < number),
            Cond::Set | Cond::Clear => None,
        }
    }
}

fn carry_out(func: &mut Func, plans: Vec<Plan>) {
    let mut definitions = Definitions::default();
    for mut plan in plans {
        let kept = if plan.complete { plan.groups.pop() } else { None };
        for (to, edges) in plan.groups {
            let copies = repair::copy(func, &[plan.block]);
            let copy = copies.blocks[0];
            definitions.add(func, plan.block, copy, &copies);
            settle(func, copy, to);
            for (pred, at) in edges {
                let mut next = 0;
                func.block_mut(pred).term.each_edge_mut(|edge| {
                    if next == at {
                        edge.block = copy;
                    }
                    next += 1;
                });
            }
        }
        if let Some((to, _)) = kept {
            settle(func, plan.block, to);
        }
    }
    flow::prune(func);
    definitions.repair(func);
}

/// Lets a block go on to one of its successors.
pub(super) fn settle(func: &mut Func, block: Block, to: usize) {
    let mut next = 0;
    let mut taken = None;
    func.block(block).term.each_edge(|edge| {
        if next == to {
            taken = Some(edge.clone());
        }
        next += 1;
    });
    if let Some(edge) = taken {
        func.block_mut(block).term = Term::Jump(edge);
    }
}
