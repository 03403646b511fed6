//! The control-flow graph: predecessors, order, dominators, loops.

use super::{Block, Func};

/// The shape of a function, as it was when this was made. Blocks that cannot be reached are in none of the lists.
#[derive(Clone, Debug)]
pub struct Cfg {
    /// Blocks in reverse postorder, the entry first: each before those it dominates.
    pub order: Vec<Block>,
    /// Where a block stands in `order`; `u32::MAX` if it cannot be reached.
    position: Vec<u32>,
    /// Predecessors of all blocks, one after the other; a block that has two edges to another stands there twice.
    preds: Vec<Block>,
    /// Where the predecessors of a block begin.
    pred_starts: Vec<u32>,
    /// Immediate dominators, by position; the entry's is itself.
    idom: Vec<u32>,
    /// Dominator tree in preorder, by position: where a block stands, and how many it dominates, itself included.
    tree: Vec<(u32, u32)>,
}

const UNREACHABLE: u32 = u32::MAX;

impl Cfg {
    /// The shape of `func`.
    #[must_use]
    pub fn new(func: &Func) -> Cfg {
        let (order, position) = reverse_postorder(func);
        let (preds, pred_starts) = predecessors(func, &order);
        let mut cfg = Cfg { order, position, preds, pred_starts, idom: Vec::new(), tree: Vec::new() };
        cfg.find_dominators();
        cfg
    }

    /// Whether a block can be reached.
    #[must_use]
    pub fn is_reachable(&self, block: Block) -> bool {
        self.position[block.0 as usize] != UNREACHABLE
    }

    /// Where a block stands in `order`; `None` if it cannot be reached.
    #[must_use]
    pub fn position(&self, block: Block) -> Option<u32> {
        Some(self.position[block.0 as usize]).filter(|&at| at != UNREACHABLE)
    }

    /// The reachable blocks with an edge to this one, one entry per edge.
    #[must_use]
    pub fn preds(&self, block: Block) -> &[Block] {
        let at = block.0 as usize;
        &self.preds[self.pred_starts[at] as usize..self.pred_starts[at + 1] as usize]
    }

    /// The closest block that each way to this one passes; `None` for the entry and for what cannot be reached.
    #[must_use]
    pub fn idom(&self, block: Block) -> Option<Block> {
        let at = self.position(block)?;
        (at != 0).then(|| self.order[self.idom[at as usize] as usize])
    }

    /// Whether each way to `b` passes `a`; a block dominates itself. Both must be reachable, else the answer is no.
    #[must_use]
    pub fn dominates(&self, a: Block, b: Block) -> bool {
        let (Some(a), Some(b)) = (self.position(a), self.position(b)) else { return false };
        let ((first, count), (at, _)) = (self.tree[a as usize], self.tree[b as usize]);
        (first..first + count).contains(&at)
    }

    /// Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm".
    fn find_dominators(&mut self) {
        let count = self.order.len();
        let mut idom = vec![UNREACHABLE; count];
        idom[0] = 0;
        let mut changed = true;
        while changed {
            changed = false;
            for at in 1..count {
                let mut new = UNREACHABLE;
                for &pred in self.preds(self.order[at]) {
                    let pred = self.position[pred.0 as usize];
                    if idom[pred as usize] == UNREACHABLE {
                        continue;
                    }
                    new = if new == UNREACHABLE { pred } else { meet(&idom, new, pred) };
                }
                changed |= idom[at] != new;
                idom[at] = new;
            }
        }
        // A block stands behind its immediate dominator in the order: sizes add up from the back, places from the front.
        let mut tree = vec![(0, 1); count];
        for at in (1..count).rev() {
            tree[idom[at] as usize].1 += tree[at].1;
        }
        let mut next = vec![1; count];
        for at in 1..count {
            let parent = idom[at] as usize;
            tree[at].0 = next[parent];
            next[parent] += tree[at].1;
            next[at] = tree[at].0 + 1;
        }
        (self.idom, self.tree) = (idom, tree);
    }
}

/// The closest common dominator of two positions.
fn meet(idom: &[u32], mut a: u32, mut b: u32) -> u32 {
    while a != b {
        if a > b {
            a = idom[a as usize];
        } else {
            b = idom[b as usize];
        }
    }
    a
}

fn reverse_postorder(func: &Func) -> (Vec<Block>, Vec<u32>) {
    let mut seen = vec![false; func.blocks.len()];
    let mut order = Vec::with_capacity(func.blocks.len());
    // Blocks on the way, each with the successors that are still to be visited, the last one first.
    let mut path: Vec<Block> = vec![Func::ENTRY];
    let mut todo: Vec<Block> = Vec::new();
    let mut todo_starts: Vec<usize> = vec![0];
    seen[0] = true;
    func.block(Func::ENTRY).term.each_edge(|edge| todo.push(edge.block));
    while let (Some(&block), Some(&start)) = (path.last(), todo_starts.last()) {
        if todo.len() == start {
            order.push(block);
            path.pop();
            todo_starts.pop();
            continue;
        }
        let Some(next) = todo.pop() else { break };
        if std::mem::replace(&mut seen[next.0 as usize], true) {
            continue;
        }
        path.push(next);
        todo_starts.push(todo.len());
        func.block(next).term.each_edge(|edge| todo.push(edge.block));
    }
    order.reverse();
    let mut position = vec![UNREACHABLE; func.blocks.len()];
    for (at, block) in (0u32..).zip(&order) {
        position[block.0 as usize] = at;
    }
    (order, position)
}

fn predecessors(func: &Func, order: &[Block]) -> (Vec<Block>, Vec<u32>) {
    let mut starts = vec![0u32; func.blocks.len() + 1];
    for &block in order {
        func.block(block).term.each_edge(|edge| starts[edge.block.0 as usize + 1] += 1);
    }
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    let mut next = starts.clone();
    let mut preds = vec![Func::ENTRY; *starts.last().unwrap_or(&0) as usize];
    for &block in order {
        func.block(block).term.each_edge(|edge| {
            let at = &mut next[edge.block.0 as usize];
            preds[*at as usize] = block;
            *at += 1;
        });
    }
    (preds, starts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Cond, Edge, Loc, Signature, SymbolId, Term, Type};

    /// A function whose blocks go where the rows say.
    fn graph(rows: &[&[u32]]) -> Func {
        let mut func = Func::new(SymbolId(0), Signature::new([Type::I64], None), Loc::UNKNOWN);
        let a = func.block(Func::ENTRY).params[0];
        for _ in 1..rows.len() {
            func.new_block(Loc::UNKNOWN);
        }
        for (at, row) in (0..).zip(rows) {
            let to = |at: usize| Edge::to(Block(row[at]));
            func.block_mut(Block(at)).term = match row.len() {
                0 => Term::Return(None),
                1 => Term::Jump(to(0)),
                _ => Term::Branch { cond: Cond::Eq, a, b: a, then: to(0), other: to(1) },
            };
        }
        func
    }

    #[test]
    fn dominators_of_a_loop_with_a_diamond() {
        //      0 -> 1 -> 2,3 -> 4 -> 1 | 5;  6 is not reached
        let cfg = Cfg::new(&graph(&[&[1], &[2, 3], &[4], &[4], &[1, 5], &[], &[5]]));
        let idom: Vec<_> = (0..7).map(|at| cfg.idom(Block(at)).map(|block| block.0)).collect();
        assert_eq!(idom, [None, Some(0), Some(1), Some(1), Some(1), Some(4), None]);
        assert!(cfg.dominates(Block(1), Block(5)) && !cfg.dominates(Block(2), Block(4)));
        assert_eq!(cfg.preds(Block(1)), [Block(0), Block(4)]);
        assert_eq!(cfg.preds(Block(5)), [Block(4)]);
        assert!(!cfg.is_reachable(Block(6)));
    }

    #[test]
    fn the_order_puts_dominators_first() {
        let cfg = Cfg::new(&graph(&[&[3, 2], &[], &[1], &[1]]));
        assert_eq!(cfg.order, [Block(0), Block(3), Block(2), Block(1)]);
    }
}
