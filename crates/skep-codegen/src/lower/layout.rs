//! The order of blocks in memory: chains in which as few jumps as possible are executed, and as few as possible stand.
//!
//! A block that ends with a jump needs none if its successor follows. A block that ends with a branch needs one if
//! neither successor follows. Edges are looked at from the most to the least useful one; each joins two chains if the one
//! ends and the other begins there. Loops are turned thereby: where the end of a loop jumps to its test, the test comes
//! last, and the loop is entered by a jump to it.

use super::emit::{Asm, PExit};
use super::index;
use super::select::inverse;
use super::target::Isa;

/// Blocks that are reached, in the order in which they stand in memory; the entry is the first.
pub(super) fn order(asm: &Asm, isa: Isa) -> Vec<u32> {
    let live = reached(asm);
    if let [entry] = live[..] {
        return vec![entry];
    }
    let mut chains = Chains::new(asm.blocks.len());
    let mut edges = edges(asm, &live, isa);
    edges.sort_by_key(|edge| std::cmp::Reverse(edge.gain));
    for edge in edges {
        chains.join(edge.from, edge.to);
    }
    chains.in_order(asm, &live)
}

/// Blocks that are reached, in their order so far.
fn reached(asm: &Asm) -> Vec<u32> {
    let mut seen = vec![false; asm.blocks.len()];
    let mut todo = vec![0u32];
    seen[0] = true;
    while let Some(block) = todo.pop() {
        for to in asm.targets(block) {
            if !std::mem::replace(&mut seen[to as usize], true) {
                todo.push(to);
            }
        }
    }
    (0..index(asm.blocks.len())).filter(|&block| seen[block as usize]).collect()
}

/// An edge that may become one from a block to that behind it.
struct Edge {
    from: u32,
    to: u32,
    /// How often that saves a jump, roughly.
    gain: u64,
}

fn edges(asm: &Asm, live: &[u32], isa: Isa) -> Vec<Edge> {
    let mut edges = Vec::with_capacity(live.len() * 2);
    for &from in live {
        let data = &asm.blocks[from as usize];
        let often = |to: u32| {
            let depth = data.depth.min(asm.blocks[to as usize].depth);
            8u64.saturating_pow(depth.min(16))
        };
        let mut add = |to: u32, gain: u64| {
            // The natural order decides between equals.
            let near = u64::from(to == from + 1);
            if to != 0 {
                edges.push(Edge { from, to, gain: gain * 4 + near });
            }
        };
        match data.exit {
            // A branch is satisfied with either successor: prefer the one that is executed more often, a little.
            PExit::Branch { cond, then, other, .. } => {
                let gain = often(then).min(often(other));
                if inverse(cond).is_some_and(|cond| isa.has_cond(cond)) {
                    add(then, gain * 2 + u64::from(often(then) > often(other)));
                }
                add(other, gain * 2 + u64::from(often(other) > often(then)));
            }
            PExit::Jump(to) => add(to, often(to) * 2 + 1),
            PExit::MayGoto { again, .. } => add(again, often(again) * 2 + 1),
            PExit::GotoX { .. } | PExit::Exit => {}
        }
    }
    edges
}

const NONE: u32 = u32::MAX;

/// Blocks that follow each other.
struct Chains {
    next: Vec<u32>,
    prev: Vec<u32>,
    /// The chain that a block is in, by one of its blocks.
    chain: Vec<u32>,
}

impl Chains {
    fn new(count: usize) -> Chains {
        Chains { next: vec![NONE; count], prev: vec![NONE; count], chain: (0..index(count)).collect() }
    }

    fn find(&mut self, mut block: u32) -> u32 {
        while self.chain[block as usize] != block {
            let up = self.chain[self.chain[block as usize] as usize];
            self.chain[block as usize] = up;
            block = up;
        }
        block
    }

    /// Lets `to` follow `from` if both are free for that.
    fn join(&mut self, from: u32, to: u32) {
        if self.next[from as usize] != NONE || self.prev[to as usize] != NONE {
            return;
        }
        let (a, b) = (self.find(from), self.find(to));
        if a == b {
            return;
        }
        self.next[from as usize] = to;
        self.prev[to as usize] = from;
        self.chain[b as usize] = a;
    }

    /// One chain after the other, by the first of their blocks in the natural order.
    fn in_order(&mut self, asm: &Asm, live: &[u32]) -> Vec<u32> {
        let mut order = Vec::with_capacity(live.len());
        let mut placed = vec![false; asm.blocks.len()];
        for &block in live {
            let mut at = block;
            while !placed[at as usize] && self.prev[at as usize] != NONE {
                at = self.prev[at as usize];
            }
            while at != NONE && !placed[at as usize] {
                placed[at as usize] = true;
                order.push(at);
                at = self.next[at as usize];
            }
        }
        order
    }
}
