//! Loops: which blocks are executed again and again, and how deep.

use crate::ir::{Block, Cfg, Func};

/// A loop: a header that dominates all of it, and the blocks from which the header is reached again.
pub(crate) struct Loop {
    /// Where it is entered.
    pub(crate) header: Block,
    /// All its blocks, those of inner loops and the header included.
    pub(crate) blocks: Vec<Block>,
    /// The loop around it.
    pub(crate) parent: Option<usize>,
}

/// The loops of a function.
pub(crate) struct Loops {
    /// All loops; outer ones before inner ones.
    pub(crate) loops: Vec<Loop>,
    /// The innermost loop of each block.
    of: Vec<Option<usize>>,
    /// Blocks that are entered from behind, but do not dominate where from: cycles with several entries.
    pub(crate) irreducible: Vec<Block>,
}

impl Loops {
    pub(crate) fn new(func: &Func, cfg: &Cfg) -> Loops {
        let mut loops =
            Loops { loops: Vec::new(), of: vec![None; func.blocks.len()], irreducible: Vec::new() };
        // In reverse postorder, the header of an outer loop comes before those of inner ones.
        for &header in &cfg.order {
            let mut latches = Vec::new();
            for &pred in cfg.preds(header) {
                if cfg.position(pred) < cfg.position(header) || latches.last() == Some(&pred) {
                    continue;
                }
                if cfg.dominates(header, pred) {
                    latches.push(pred);
                } else if loops.irreducible.last() != Some(&header) {
                    loops.irreducible.push(header);
                }
            }
            if !latches.is_empty() {
                loops.add(cfg, header, latches);
            }
        }
        loops
    }

    fn add(&mut self, cfg: &Cfg, header: Block, latches: Vec<Block>) {
        let number = self.loops.len();
        let parent = self.of[header.0 as usize];
        let mut blocks = vec![header];
        self.of[header.0 as usize] = Some(number);
        let mut todo = latches;
        while let Some(block) = todo.pop() {
            let of = &mut self.of[block.0 as usize];
            if *of == Some(number) || !cfg.dominates(header, block) {
                continue;
            }
            *of = Some(number);
            blocks.push(block);
            todo.extend(cfg.preds(block));
        }
        self.loops.push(Loop { header, blocks, parent });
    }

    /// The innermost loop around a block.
    pub(crate) fn of(&self, block: Block) -> Option<usize> {
        self.of[block.0 as usize]
    }

    /// Whether a block is in a loop, or in one inside of it.
    pub(crate) fn contains(&self, number: usize, block: Block) -> bool {
        let mut at = self.of(block);
        while let Some(inner) = at {
            if inner == number {
                return true;
            }
            at = self.loops[inner].parent;
        }
        false
    }
}
