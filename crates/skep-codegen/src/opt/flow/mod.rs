//! Simpler control flow: blocks that follow each other become one, jumps go where they end up, and what decides a
//! branch is decided as early as it is known.

mod thread;

use super::{Context, count_uses, identity};
use crate::ir::{BinOp, Block, BlockData, Cfg, Cond, Edge, Func, Op, Term, Type, Value};

/// Simplifies control flow. What cannot be reached is gone afterwards.
pub(super) fn run(func: &mut Func, context: &Context) -> bool {
    let mut changed = prune(func);
    // Each round may open a way for the next one; the chains of real code end after two or three.
    for _ in 0..4 {
        let mut round = split_truths(func);
        round |= thread::run(func, context);
        round |= prune(func);
        round |= merge(func);
        if !round {
            break;
        }
        changed = true;
    }
    changed | compact(func)
}

/// Takes out the blocks that cannot be reached.
pub(super) fn drop_unreachable(func: &mut Func) {
    if prune(func) {
        compact(func);
    }
}

/// Empties the blocks that cannot be reached.
pub(super) fn prune(func: &mut Func) -> bool {
    let mut reached = vec![false; func.blocks.len()];
    let mut todo = vec![Func::ENTRY];
    reached[0] = true;
    while let Some(block) = todo.pop() {
        func.block(block).term.each_edge(|edge| {
            if !std::mem::replace(&mut reached[edge.block.0 as usize], true) {
                todo.push(edge.block);
            }
        });
    }
    let mut changed = false;
    for (block, reached) in func.blocks.iter_mut().zip(reached) {
        if !reached && !is_gone(block) {
            changed = true;
            block.insts.clear();
            block.params.clear();
            block.term = Term::Open;
        }
    }
    changed
}

fn is_gone(block: &BlockData) -> bool {
    matches!(block.term, Term::Open)
}

/// Joins each block with the one behind it, if there is no other way into that.
fn merge(func: &mut Func) -> bool {
    let mut edges = vec![0u32; func.blocks.len()];
    for block in &func.blocks {
        block.term.each_edge(|edge| edges[edge.block.0 as usize] += 1);
    }
    let mut with: Vec<Value> = Vec::new();
    for at in 0..func.blocks.len() {
        while let Term::Jump(edge) = &func.blocks[at].term {
            let next = edge.block.0 as usize;
            if next == at || next == 0 || edges[next] != 1 {
                break;
            }
            if with.is_empty() {
                with = identity(func);
            }
            let taken = BlockData {
                params: Vec::new(),
                insts: Vec::new(),
                term: Term::Open,
                loc: func.blocks[next].loc,
            };
            let next = std::mem::replace(&mut func.blocks[next], taken);
            let here = &mut func.blocks[at];
            let Term::Jump(edge) = std::mem::replace(&mut here.term, next.term) else { break };
            for (&param, &arg) in next.params.iter().zip(&edge.args) {
                with[param.0 as usize] = arg;
            }
            here.insts.extend(next.insts);
            here.loc = next.loc;
        }
    }
    if with.is_empty() {
        return false;
    }
    func.replace_values(&mut with);
    true
}

/// Makes `if (x & y)` and `if (x | y)` of truth values two branches: the verifier learns from each.
fn split_truths(func: &mut Func) -> bool {
    let mut changed = false;
    let mut at = 0;
    // New blocks are visited, too: operands may be such operations again.
    while at < func.blocks.len() {
        changed |= split_truth(func, at);
        at += 1;
    }
    changed
}

fn split_truth(func: &mut Func, at: usize) -> bool {
    let Term::Branch { cond, a, b, .. } = func.blocks[at].term else { return false };
    let (&Op::Bin(op @ (BinOp::And | BinOp::Or), x, y), Some(0), Cond::Eq | Cond::Ne) =
        (&func.node(a).op, func.as_const(b), cond)
    else {
        return false;
    };
    if func.ty(a) != Type::I1 {
        return false;
    }
    let loc = func.blocks[at].loc;
    let second = func.new_block(loc);
    let term = std::mem::replace(&mut func.blocks[at].term, Term::Open);
    let Term::Branch { then, other, .. } = term else { return false };
    let (yes, no) = if cond == Cond::Ne { (then, other) } else { (other, then) };
    // Of `and`, the first one decides if it is false; of `or`, if it is true.
    let (first_yes, first_no) = match op {
        BinOp::And => (Edge::to(second), no.clone()),
        _ => (yes.clone(), Edge::to(second)),
    };
    func.blocks[at].term = Term::Branch { cond: Cond::Ne, a: x, b, then: first_yes, other: first_no };
    func.block_mut(second).term = Term::Branch { cond: Cond::Ne, a: y, b, then: yes, other: no };
    true
}

/// Gives the blocks that are left new numbers, in the same order.
pub(super) fn compact(func: &mut Func) -> bool {
    if !func.blocks.iter().any(is_gone) {
        return false;
    }
    let mut next = 0;
    let numbers: Vec<Block> = func
        .blocks
        .iter()
        .map(|block| {
            let number = Block(next);
            next += u32::from(!is_gone(block));
            number
        })
        .collect();
    func.blocks.retain(|block| !is_gone(block));
    for block in &mut func.blocks {
        block.term.each_edge_mut(|edge| edge.block = numbers[edge.block.0 as usize]);
    }
    true
}

/// Which blocks are entered again from behind.
fn loop_headers(func: &Func) -> Vec<bool> {
    let cfg = Cfg::new(func);
    let mut headers = vec![false; func.blocks.len()];
    for &block in &cfg.order {
        headers[block.0 as usize] =
            cfg.preds(block).iter().any(|&pred| cfg.position(pred) >= cfg.position(block));
    }
    headers
}
