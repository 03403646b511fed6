//! Copies of blocks, and values that have become several by them.
//!
//! A value of a block that was copied is made in several places. Whoever uses it elsewhere must get the one of the way
//! on which it is reached: found as in Braun et al., "Simple and Efficient Construction of SSA Form", with parameters
//! where ways meet. [`params`](super::params) takes out those that are one value all the time.

use rustc_hash::FxHashMap;

use crate::ir::{Block, Cfg, Func, Op, Value};

/// Copies of some blocks, in the same order.
pub(super) struct Copies {
    pub(super) blocks: Vec<Block>,
    /// The copy of each value.
    values: FxHashMap<Value, Value>,
}

impl Copies {
    /// The copy of a value, or the value itself if it is of no copied block.
    pub(super) fn value(&self, value: Value) -> Value {
        self.values.get(&value).copied().unwrap_or(value)
    }
}

/// Copies blocks. Edges between them stay between the copies.
pub(super) fn copy(func: &mut Func, blocks: &[Block]) -> Copies {
    let mut copies = Copies { blocks: Vec::with_capacity(blocks.len()), values: FxHashMap::default() };
    for &block in blocks {
        let mut data = func.block(block).clone();
        for value in data.params.iter_mut().chain(&mut data.insts) {
            let node = func.node(*value).clone();
            let new = func.new_node(node.op, node.ty, node.loc);
            copies.values.insert(*value, new);
            *value = new;
        }
        let new = func.new_block(data.loc);
        *func.block_mut(new) = data;
        copies.blocks.push(new);
    }
    let targets: FxHashMap<Block, Block> =
        blocks.iter().copied().zip(copies.blocks.iter().copied()).collect();
    for &block in &copies.blocks {
        let mut data = std::mem::replace(func.block_mut(block), super::no_block());
        for &inst in &data.insts {
            func.node_mut(inst).op.each_operand_mut(|v| *v = copies.value(*v));
        }
        data.term.each_operand_mut(|v| *v = copies.value(*v));
        data.term.each_edge_mut(|edge| edge.block = targets.get(&edge.block).copied().unwrap_or(edge.block));
        *func.block_mut(block) = data;
    }
    copies
}

/// The places where values are made.
#[derive(Default)]
pub(super) struct Definitions {
    /// Which variable a value is the original of.
    vars: FxHashMap<Value, u32>,
    originals: Vec<Value>,
    /// What a variable is at the end of a block.
    at: FxHashMap<(Block, u32), Value>,
    /// Parameters to which the edges bring nothing yet.
    waiting: Vec<(Block, u32)>,
}

impl Definitions {
    /// Notes what a copy makes of the values of a block.
    pub(super) fn add(&mut self, func: &Func, original: Block, copy: Block, copies: &Copies) {
        let data = func.block(original);
        for &value in data.params.iter().chain(&data.insts) {
            let next = u32::try_from(self.originals.len()).expect("fewer than 2^32 values");
            let var = *self.vars.entry(value).or_insert(next);
            if var == next {
                self.originals.push(value);
                self.at.insert((original, var), value);
            }
            self.at.insert((copy, var), copies.value(value));
        }
    }

    /// Lets all uses of the values have what reaches them. The copies must be in place, and what cannot be reached gone.
    pub(super) fn repair(mut self, func: &mut Func) {
        if self.originals.is_empty() {
            return;
        }
        let cfg = Cfg::new(func);
        for &block in &cfg.order {
            let insts = std::mem::take(&mut func.block_mut(block).insts);
            for &inst in &insts {
                let mut op = std::mem::replace(&mut func.node_mut(inst).op, Op::Param);
                op.each_operand_mut(|v| self.rename(func, &cfg, block, v));
                func.node_mut(inst).op = op;
            }
            let mut term = std::mem::replace(&mut func.block_mut(block).term, crate::ir::Term::Open);
            term.each_operand_mut(|v| self.rename(func, &cfg, block, v));
            let data = func.block_mut(block);
            (data.insts, data.term) = (insts, term);
        }
        let mut done = 0;
        while done < self.waiting.len() {
            let (block, var) = self.waiting[done];
            done += 1;
            let mut last = None;
            for &pred in cfg.preds(block) {
                if last.replace(pred) == Some(pred) {
                    continue;
                }
                let value = self.read(func, &cfg, pred, var);
                func.block_mut(pred).term.each_edge_mut(|edge| {
                    if edge.block == block {
                        edge.args.push(value);
                    }
                });
            }
        }
    }

    fn rename(&mut self, func: &mut Func, cfg: &Cfg, block: Block, value: &mut Value) {
        if let Some(&var) = self.vars.get(value) {
            *value = self.read(func, cfg, block, var);
        }
    }

    /// What a variable is at the end of a block.
    fn read(&mut self, func: &mut Func, cfg: &Cfg, block: Block, var: u32) -> Value {
        let mut path = Vec::new();
        let mut at = block;
        let value = loop {
            if let Some(&value) = self.at.get(&(at, var)) {
                break value;
            }
            path.push(at);
            let preds = cfg.preds(at);
            // Each way to a use passes a definition: what has none is not reached.
            let Some(&first) = preds.first() else { break self.originals[var as usize] };
            if preds.iter().any(|&pred| pred != first) {
                let node = func.node(self.originals[var as usize]);
                let (ty, loc) = (node.ty.unwrap_or(crate::ir::Type::I64), node.loc);
                let param = func.new_param(at, ty, loc);
                self.waiting.push((at, var));
                break param;
            }
            at = first;
        };
        for block in path {
            self.at.insert((block, var), value);
        }
        value
    }
}
