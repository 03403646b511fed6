//! The coarsest partition of nodes in which equal ones refer to equal ones.

use std::cell::OnceCell;
use std::ops::Range;

use crate::bytes::{index, word};

/// A graph as the refinement sees it: for each node, where its references lead.
pub(crate) trait References {
    /// How many nodes there are; the last one is this minus 1.
    fn len(&self) -> usize;
    fn references(&self, node: u32) -> &[u32];
}

/// Who refers to each node, and by which of its references.
pub(crate) struct Referrers {
    start: Vec<u32>,
    list: Vec<(u32, u32)>,
}

impl Referrers {
    pub(crate) fn new(graph: &impl References) -> Referrers {
        let nodes = || 0..word(graph.len());
        let mut start = vec![0_u32; graph.len() + 2];
        for to in nodes().flat_map(|node| graph.references(node)) {
            start[index(*to) + 2] += 1;
        }
        // Nobody needs to know who refers to void.
        start[2] = 0;
        for node in 2..start.len() {
            start[node] += start[node - 1];
        }
        let mut list = vec![(0, 0); index(start.last().copied().unwrap_or_default())];
        for node in nodes() {
            for (place, &to) in (0..).zip(graph.references(node)) {
                if to != 0 {
                    let at = &mut start[index(to) + 1];
                    list[index(*at)] = (node, place);
                    *at += 1;
                }
            }
        }
        Referrers { start, list }
    }

    pub(crate) fn of(&self, node: u32) -> &[(u32, u32)] {
        &self.list[index(self.start[index(node)])..index(self.start[index(node) + 1])]
    }
}

/// Nodes in blocks, which are split until no reference tells two nodes of one block apart.
pub(crate) struct Partition<'g, G> {
    graph: &'g G,
    referrers: OnceCell<Referrers>,
    /// The block of each node.
    pub(crate) block: Vec<u32>,
    /// The nodes, those of a block side by side; and where each node is.
    nodes: Vec<u32>,
    place: Vec<u32>,
    /// Where the nodes of each block are.
    ranges: Vec<Range<u32>>,
}

/// A node some of whose references lead to another block than before.
struct Touched {
    node: u32,
    block: u32,
    /// Its part of the list of such references.
    references: Range<usize>,
}

impl<'g, G: References> Partition<'g, G> {
    /// Blocks are numbers below `blocks`. Of nodes that are not `listed` only the block is known: they refer to nothing, and
    /// whoever moves them says so to [`refine`](Partition::refine).
    pub(crate) fn new(graph: &'g G, block: Vec<u32>, blocks: u32, listed: impl Fn(u32) -> bool) -> Self {
        let mut ends = vec![0_u32; index(blocks) + 1];
        let all = || (0..word(graph.len())).filter(|&node| listed(node));
        all().for_each(|node| ends[index(block[index(node)]) + 1] += 1);
        for at in 1..ends.len() {
            ends[at] += ends[at - 1];
        }
        let ranges: Vec<Range<u32>> = ends.windows(2).map(|pair| pair[0]..pair[1]).collect();
        let mut nodes = vec![0; index(ends.last().copied().unwrap_or_default())];
        let mut place = vec![0; graph.len()];
        for node in all() {
            let at = &mut ends[index(block[index(node)])];
            (nodes[index(*at)], place[index(node)]) = (node, *at);
            *at += 1;
        }
        Partition { graph, referrers: OnceCell::new(), block, nodes, place, ranges }
    }

    /// How many blocks there are.
    pub(crate) fn blocks(&self) -> u32 {
        word(self.ranges.len())
    }

    /// Splits blocks until the partition is stable.
    ///
    /// Before, nodes of one block differ in no reference, if those to `moved` nodes are taken for references to another
    /// block, which is the same for all nodes that are now in the block of the moved one; and so they are after each round:
    /// of a block that is split, the largest part keeps the number, so that each node moves to a new one at most log n
    /// times, and only references to nodes that have moved are looked at.
    ///
    /// Which numbers the blocks get depends on those they had and on the references alone, not on the numbers of nodes.
    pub(crate) fn refine(&mut self, moved: Vec<u32>) {
        if moved.is_empty() {
            return;
        }
        let graph = self.graph;
        let mut referrers = OnceCell::new();
        std::mem::swap(&mut referrers, &mut self.referrers);
        let who = referrers.get_or_init(|| Referrers::new(graph));
        let mut moved = moved;
        let (mut references, mut touched) = (Vec::new(), Vec::new());
        while !moved.is_empty() {
            self.touch(who, &moved, &mut references, &mut touched);
            moved.clear();
            let mut rest = &touched[..];
            while let Some(first) = rest.first() {
                let here = rest.iter().take_while(|other| other.block == first.block).count();
                let (of_block, others) = rest.split_at(here);
                self.split(of_block, &references, &mut moved);
                rest = others;
            }
        }
        self.referrers = referrers;
    }

    /// Finds the nodes that refer to moved ones and are not alone in their block, ordered by their blocks and then by
    /// where these references lead.
    fn touch(
        &self,
        who: &Referrers,
        moved: &[u32],
        references: &mut Vec<(u32, u32, u32)>,
        touched: &mut Vec<Touched>,
    ) {
        references.clear();
        touched.clear();
        for &node in moved {
            let to = self.block[index(node)];
            let may_split = |&&(from, _): &&(u32, u32)| self.ranges[index(self.block[index(from)])].len() > 1;
            references.extend(who.of(node).iter().filter(may_split).map(|&(from, place)| (from, place, to)));
        }
        references.sort_unstable();
        let mut start = 0;
        for of_node in references.chunk_by(|a, b| a.0 == b.0) {
            let node = of_node[0].0;
            let end = start + of_node.len();
            touched.push(Touched { node, block: self.block[index(node)], references: start..end });
            start = end;
        }
        touched.sort_unstable_by(|a, b| {
            a.block.cmp(&b.block).then_with(|| compare(references, a, b)).then(a.node.cmp(&b.node))
        });
    }

    /// Splits a block by the touched nodes in it.
    fn split(&mut self, touched: &[Touched], references: &[(u32, u32, u32)], moved: &mut Vec<u32>) {
        let Some(&Touched { block, .. }) = touched.first() else { return };
        let whole = self.ranges[index(block)].clone();
        let untouched = whole.len() - touched.len();
        let parts = || touched.chunk_by(|a, b| compare(references, a, b).is_eq());
        let largest = parts().map(<[Touched]>::len).max().unwrap_or_default();
        if largest == whole.len() {
            return;
        }
        // The touched nodes go to the front, part by part, and what is left stays behind them.
        let mut front = whole.start;
        let mut kept = untouched >= largest;
        for part in parts() {
            let start = front;
            for &Touched { node, .. } in part {
                self.swap(node, front);
                front += 1;
            }
            if !kept && part.len() == largest {
                kept = true;
                self.ranges[index(block)] = start..front;
            } else {
                self.found(start..front, moved);
            }
        }
        match (untouched >= largest, untouched) {
            (true, _) => self.ranges[index(block)] = front..whole.end,
            (false, 0) => {}
            (false, _) => self.found(front..whole.end, moved),
        }
    }

    /// Makes a new block of these nodes.
    fn found(&mut self, range: Range<u32>, moved: &mut Vec<u32>) {
        let new = self.blocks();
        let nodes = &self.nodes[index(range.start)..index(range.end)];
        nodes.iter().for_each(|&node| self.block[index(node)] = new);
        moved.extend_from_slice(nodes);
        self.ranges.push(range);
    }

    /// Puts a node at a place, and what was there where the node was.
    fn swap(&mut self, node: u32, at: u32) {
        let (other, from) = (self.nodes[index(at)], self.place[index(node)]);
        (self.nodes[index(at)], self.nodes[index(from)]) = (node, other);
        (self.place[index(node)], self.place[index(other)]) = (at, from);
    }
}

/// Compares where the references that have changed lead.
fn compare(references: &[(u32, u32, u32)], a: &Touched, b: &Touched) -> std::cmp::Ordering {
    let of =
        |touched: &Touched| references[touched.references.clone()].iter().map(|&(_, place, to)| (place, to));
    of(a).cmp(of(b))
}

/// The nodes for [`Partition::refine`] to start from, where references are known to differ in nothing but the blocks of
/// nodes that have a class: of each class with several blocks, all but those of the largest.
pub(crate) fn differing(
    nodes: impl Iterator<Item = u32>,
    class: impl Fn(u32) -> u32,
    block: &[u32],
) -> Vec<u32> {
    let mut by_class: Vec<(u32, u32, u32)> =
        nodes.map(|node| (class(node), block[index(node)], node)).filter(|&(class, ..)| class != 0).collect();
    by_class.sort_unstable();
    let mut moved = Vec::new();
    for of_class in by_class.chunk_by(|a, b| a.0 == b.0) {
        let blocks = || of_class.chunk_by(|a, b| a.1 == b.1);
        // Of several that are largest, the first.
        let largest = blocks().rev().max_by_key(|block| block.len()).map_or(0, |block| block[0].1);
        moved.extend(of_class.iter().filter(|&&(_, block, _)| block != largest).map(|&(.., node)| node));
    }
    moved
}
