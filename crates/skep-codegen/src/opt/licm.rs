//! Moves scalars that stay the same out of loops.
//!
//! Only arithmetic, and little of it: each value that is kept through a loop takes a register, of which there are ten.
//! What stays where it is:
//! * addresses, loads, and what decides a branch;
//! * what may carry bounds: a value that reaches an address or an argument of a call. The verifier knows bounds of the
//!   register that a compare in the loop looked at, and a value from before the loop is another.

use super::Context;
use super::loops::Loops;
use crate::ir::{BinOp, Block, Cfg, Func, Op, Term, Value};

/// How many values are moved out of one loop.
const MAX_MOVED: usize = 4;

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
            if fixed && is_movable(func, inst) && !bounded[inst.0 as usize] {
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

/// Whether an operation is one that takes time and no memory: what costs one instruction with an immediate is not worth
/// a register.
fn is_movable(func: &Func, inst: Value) -> bool {
    match func.node(inst).op {
        Op::Bin(op, _, b) => {
            let slow = matches!(op, BinOp::Mul | BinOp::Udiv | BinOp::Sdiv | BinOp::Urem | BinOp::Srem);
            slow || func.as_const(b).is_none()
        }
        Op::Un(..) | Op::Select(..) => true,
        _ => false,
    }
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
