//! Moves scalars that stay the same out of loops.
//!
//! Only arithmetic, and only while registers last: each value that is kept through a loop takes one of ten.
//! What stays where it is:
//! * addresses, loads, and what decides a branch;
//! * what may carry bounds: a value that reaches an address or an argument of a call. The verifier knows bounds of the
//!   register that a compare in the loop looked at, and a value from before the loop is another.

use rustc_hash::FxHashMap;

use super::Context;
use super::loops::Loops;
use crate::ir::{Block, Cfg, Func, Op, Term, Value};

/// How many values are moved out of one loop.
const MAX_MOVED: usize = 4;

/// How many values may live through a loop before registers get scarce: all registers but those for what is computed in
/// it; those that a call keeps.
const MAX_LIVE: usize = 6;
const MAX_LIVE_WITH_CALLS: usize = 3;

/// Moves what can be moved.
pub(super) fn run(func: &mut Func, _context: &Context) -> bool {
    let cfg = Cfg::new(func);
    let loops = Loops::new(func, &cfg);
    if loops.loops.is_empty() || !loops.irreducible.is_empty() {
        return false;
    }
    let bounded = bounded(func, &cfg);
    let mut home = vec![None; func.nodes.len()];
    for &block in &cfg.order {
        let data = func.block(block);
        for &v in data.params.iter().chain(&data.insts) {
            home[v.0 as usize] = Some(block);
        }
    }
    let mut changed = false;
    // Inner loops first: what leaves them may leave the outer ones, too.
    for number in (0..loops.loops.len()).rev() {
        let Some(before) = preheader(func, &cfg, &loops, number) else { continue };
        changed |= move_out(func, &cfg, &loops, number, before, &bounded, &mut home);
    }
    changed
}

/// The one block from which a loop is entered, if it leads nowhere else.
fn preheader(func: &Func, cfg: &Cfg, loops: &Loops, number: usize) -> Option<Block> {
    let header = loops.loops[number].header;
    let mut outside = cfg.preds(header).iter().filter(|&&pred| !loops.contains(number, pred));
    let before = *outside.next()?;
    (outside.next().is_none() && matches!(func.block(before).term, Term::Jump(_))).then_some(before)
}

fn move_out(
    func: &mut Func,
    cfg: &Cfg,
    loops: &Loops,
    number: usize,
    before: Block,
    bounded: &[bool],
    home: &mut [Option<Block>],
) -> bool {
    let around = &loops.loops[number];
    let mut blocks = around.blocks.clone();
    blocks.sort_by_key(|block| cfg.position(*block));
    let mut pressure = Pressure::new(func, loops, number, home);
    let mut moved = Vec::new();
    for &block in &blocks {
        // In an inner loop's blocks, what could leave has left already.
        for &inst in &func.block(block).insts {
            if moved.len() >= MAX_MOVED {
                break;
            }
            let is_fixed = |v: Value| {
                moved.contains(&v) || home[v.0 as usize].is_some_and(|at| !loops.contains(number, at))
            };
            let mut fixed = true;
            func.node(inst).op.each_operand(|v| fixed &= is_fixed(v));
            if fixed && is_scalar(func, inst) && !bounded[inst.0 as usize] && pressure.allows(func, inst) {
                moved.push(inst);
            }
        }
    }
    if moved.is_empty() {
        return false;
    }
    for &block in &blocks {
        func.block_mut(block).insts.retain(|inst| !moved.contains(inst));
    }
    for &inst in &moved {
        home[inst.0 as usize] = Some(before);
    }
    func.block_mut(before).insts.extend(moved);
    true
}

/// What a loop takes of the registers.
struct Pressure {
    /// How often values are used in the loop.
    uses: FxHashMap<Value, u32>,
    /// How many values live through it.
    live: usize,
    max: usize,
}

impl Pressure {
    fn new(func: &Func, loops: &Loops, number: usize, home: &[Option<Block>]) -> Pressure {
        let around = &loops.loops[number];
        let mut uses: FxHashMap<Value, u32> = FxHashMap::default();
        let mut has_calls = false;
        for &block in &around.blocks {
            let data = func.block(block);
            for &inst in &data.insts {
                let op = &func.node(inst).op;
                has_calls |= matches!(op, Op::Call { .. });
                op.each_operand(|v| *uses.entry(v).or_default() += 1);
            }
            data.term.each_operand(|v| *uses.entry(v).or_default() += 1);
        }
        let is_outside = |v: &Value| {
            !is_free(func, *v) && home[v.0 as usize].is_some_and(|at| !loops.contains(number, at))
        };
        let live = uses.keys().filter(|v| is_outside(v)).count() + func.block(around.header).params.len();
        Pressure { uses, live, max: if has_calls { MAX_LIVE_WITH_CALLS } else { MAX_LIVE } }
    }

    /// Whether a value that leaves the loop finds a register: its own, or that of an operand that is not needed then.
    fn allows(&mut self, func: &Func, inst: Value) -> bool {
        let mut freed = 0;
        func.node(inst)
            .op
            .each_operand(|v| freed += usize::from(!is_free(func, v) && self.uses.get(&v) == Some(&1)));
        if freed == 0 && self.live >= self.max {
            return false;
        }
        self.live = (self.live + 1).saturating_sub(freed);
        let Pressure { uses, .. } = self;
        func.node(inst).op.each_operand(|v| {
            if let Some(uses) = uses.get_mut(&v) {
                *uses = uses.saturating_sub(1);
            }
        });
        true
    }
}

/// Whether a value takes no register for long: it is made again where it is used.
fn is_free(func: &Func, v: Value) -> bool {
    matches!(func.node(v).op, Op::Const(_) | Op::Slot(_))
}

/// Whether an operation computes with numbers.
fn is_scalar(func: &Func, inst: Value) -> bool {
    matches!(func.node(inst).op, Op::Bin(..) | Op::Un(..) | Op::Select(..))
}

/// Values of which the verifier may need bounds: those that reach an address or an argument of a call.
fn bounded(func: &Func, cfg: &Cfg) -> Vec<bool> {
    let mut bounded = vec![false; func.nodes.len()];
    let mut todo = Vec::new();
    let mut mark = |v: Value, todo: &mut Vec<Value>| {
        if !std::mem::replace(&mut bounded[v.0 as usize], true) {
            todo.push(v);
        }
    };
    for &block in &cfg.order {
        let data = func.block(block);
        for &inst in &data.insts {
            match &func.node(inst).op {
                Op::PtrAdd { index, .. } => index.iter().for_each(|v| mark(*v, &mut todo)),
                Op::Call { args, .. } => args.iter().for_each(|v| mark(*v, &mut todo)),
                _ => {}
            }
        }
    }
    while let Some(v) = todo.pop() {
        match func.node(v).op {
            Op::Load { .. } | Op::Call { .. } => {}
            ref op => op.each_operand(|v| mark(v, &mut todo)),
        }
    }
    bounded
}
