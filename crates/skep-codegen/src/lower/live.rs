//! Which values later instructions need, found while blocks are walked backwards.
//!
//! Edges that lead back are not followed: what a loop needs in its next round is what is defined outside of it, or a
//! parameter of its header.

use super::graph::Graph;
use crate::ir::Value;

/// For each block one bit per value: needed at its current point; when the walk has passed it, at its beginning.
pub(super) struct Live {
    bits: Vec<u64>,
    /// Words of a row.
    row: usize,
    /// Where the row of the current block begins.
    start: usize,
}

/// Words of the table; a function that needs more has one row for all blocks.
const LIMIT: usize = 1 << 17;

impl Live {
    pub(super) fn new(graph: &Graph<'_>, values: usize) -> Live {
        let row = values.div_ceil(64).max(1);
        let rows = if row.saturating_mul(graph.nodes.len()) <= LIMIT { graph.nodes.len() } else { 1 };
        Live { bits: vec![0; row * rows], row, start: 0 }
    }

    /// Goes on with the end of a block; those behind it have been walked.
    pub(super) fn enter(&mut self, graph: &Graph<'_>, block: usize) {
        if self.bits.len() == self.row {
            return;
        }
        self.start = block * self.row;
        for way in graph.nodes[block].ways() {
            let from = way.to as usize * self.row;
            if from > self.start {
                for word in 0..self.row {
                    self.bits[self.start + word] |= self.bits[from + word];
                }
            }
        }
    }

    pub(super) fn need(&mut self, value: Value) {
        let at = value.0 as usize;
        self.bits[self.start + at / 64] |= 1 << (at % 64);
    }

    /// Its definition has been reached.
    pub(super) fn define(&mut self, value: Value) {
        let at = value.0 as usize;
        self.bits[self.start + at / 64] &= !(1 << (at % 64));
    }

    pub(super) fn is_needed(&self, value: Value) -> bool {
        let at = value.0 as usize;
        self.bits[self.start + at / 64] >> (at % 64) & 1 != 0
    }
}
