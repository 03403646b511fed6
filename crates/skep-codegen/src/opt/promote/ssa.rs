//! Makes variables of pieces values, by the way of Braun et al., "Simple and Efficient Construction of SSA Form".
//!
//! Blocks are visited in reverse postorder. A read looks for the last write, up through single predecessors; where ways
//! meet it makes a parameter, and notes it. At the end the edges bring what their blocks wrote last; this may make more
//! parameters. Parameters are only made where something reads them.

use rustc_hash::FxHashMap;

use super::slots::{Addresses, Pieces};
use crate::ir::{Block, CastOp, Cfg, Func, Op, Type, Value};
use crate::opt::identity;

pub(super) fn promote(func: &mut Func, cfg: &Cfg, pieces: &Pieces, addresses: &Addresses) {
    let mut types = vec![Type::I64; pieces.count() as usize];
    let mut ssa = Ssa {
        with: identity(func),
        last: Last::new(func.blocks.len(), pieces.count() as usize),
        waiting: Vec::new(),
        unset: FxHashMap::default(),
        types: &mut types,
        path: Vec::new(),
        func,
        cfg,
    };
    for &block in &cfg.order {
        ssa.block(block, pieces, addresses);
    }
    let mut done = 0;
    while done < ssa.waiting.len() {
        ssa.bring(done);
        done += 1;
    }
    let Ssa { mut with, unset, func, .. } = ssa;
    // In the order in which they were made: the same input gives the same output.
    let mut unset: Vec<Value> = unset.into_values().collect();
    unset.sort_unstable();
    func.block_mut(Func::ENTRY).insts.splice(0..0, unset);
    func.replace_values(&mut with);
}

struct Ssa<'a> {
    func: &'a mut Func,
    cfg: &'a Cfg,
    with: Vec<Value>,
    last: Last,
    /// Parameters to which the edges bring nothing yet.
    waiting: Vec<(Block, u32)>,
    /// What variables are before the first write.
    unset: FxHashMap<Type, Value>,
    types: &'a mut [Type],
    path: Vec<Block>,
}

impl Ssa<'_> {
    fn block(&mut self, block: Block, pieces: &Pieces, addresses: &Addresses) {
        let insts = std::mem::take(&mut self.func.block_mut(block).insts);
        let mut out = Vec::with_capacity(insts.len());
        for inst in insts {
            let (ptr, offset, access) = match self.func.node(inst).op {
                Op::Load { ptr, offset, access, .. } | Op::Store { ptr, offset, access, .. } => {
                    (ptr, offset, access)
                }
                _ => {
                    out.push(inst);
                    continue;
                }
            };
            let range = addresses.range(self.func, ptr, offset, access.width.bytes().into());
            let Some(piece) = range.and_then(|(slot, range)| pieces.at(slot, range)) else {
                out.push(inst);
                continue;
            };
            self.types[piece.var as usize] = piece.ty;
            match self.func.node(inst).op {
                Op::Load { signed, .. } => {
                    let value = self.read(block, piece.var);
                    let to = self.func.ty(inst);
                    let widen = if signed { CastOp::Sext } else { CastOp::Zext };
                    match self.convert(value, to, widen) {
                        // The load itself becomes the conversion.
                        Some(op) => {
                            self.func.node_mut(inst).op = op;
                            out.push(inst);
                        }
                        None => self.with[inst.0 as usize] = value,
                    }
                }
                Op::Store { value, .. } => {
                    let value = match self.convert(value, piece.ty, CastOp::Zext) {
                        Some(op) => {
                            let node = self.func.node_mut(inst);
                            (node.op, node.ty) = (op, Some(piece.ty));
                            out.push(inst);
                            inst
                        }
                        None => value,
                    };
                    self.last.set(block, piece.var, value);
                }
                _ => {}
            }
        }
        self.func.block_mut(block).insts = out;
    }

    /// How a value gets another type; `None` if it has that type.
    fn convert(&self, value: Value, to: Type, widen: CastOp) -> Option<Op> {
        let from = self.func.ty(value);
        let op = match (from, to) {
            _ if from == to => return None,
            (Type::Ptr(_), Type::Ptr(_)) => CastOp::Space,
            (Type::Ptr(_), Type::Int(_)) => CastOp::PtrToInt,
            (Type::Int(_), Type::Ptr(_)) => CastOp::IntToPtr,
            (Type::Int(a), Type::Int(b)) if a > b => CastOp::Trunc,
            (Type::Int(_), Type::Int(_)) => widen,
        };
        Some(Op::Cast(op, value))
    }

    /// What a variable is, at the end of what is known of the block.
    fn read(&mut self, block: Block, var: u32) -> Value {
        if let Some(value) = self.last.get(block, var) {
            return value;
        }
        let mut path = std::mem::take(&mut self.path);
        path.clear();
        let mut at = block;
        let value = loop {
            path.push(at);
            if at == Func::ENTRY {
                break self.unset(var);
            }
            let preds = self.cfg.preds(at);
            let first = preds[0];
            if preds.iter().any(|&pred| pred != first) {
                let (ty, loc) = (self.types[var as usize], self.func.block(at).loc);
                let param = self.func.new_param(at, ty, loc);
                self.with.push(param);
                self.waiting.push((at, var));
                break param;
            }
            at = first;
            if let Some(value) = self.last.get(at, var) {
                break value;
            }
        };
        for &block in &path {
            self.last.set(block, var, value);
        }
        self.path = path;
        value
    }

    fn unset(&mut self, var: u32) -> Value {
        let ty = self.types[var as usize];
        if let Some(&value) = self.unset.get(&ty) {
            return value;
        }
        let value = self.func.new_node(Op::Const(0), Some(ty), self.func.loc);
        self.with.push(value);
        self.unset.insert(ty, value);
        value
    }

    /// Lets the edges to a block bring a parameter.
    fn bring(&mut self, at: usize) {
        let (block, var) = self.waiting[at];
        let cfg = self.cfg;
        let mut last = None;
        for &pred in cfg.preds(block) {
            if last.replace(pred) == Some(pred) {
                continue;
            }
            let value = self.read(pred, var);
            self.func.block_mut(pred).term.each_edge_mut(|edge| {
                if edge.block == block {
                    edge.args.push(value);
                }
            });
        }
    }
}

/// The last write of each variable in each block.
enum Last {
    /// By block, then by variable.
    Dense {
        vars: usize,
        values: Vec<Value>,
    },
    Sparse(FxHashMap<(Block, u32), Value>),
}

const NONE: Value = Value(u32::MAX);

impl Last {
    fn new(blocks: usize, vars: usize) -> Last {
        // Up to 256 KiB, which costs less than hashing.
        match blocks.checked_mul(vars).filter(|&cells| cells <= 1 << 16) {
            Some(cells) => Last::Dense { vars, values: vec![NONE; cells] },
            None => Last::Sparse(FxHashMap::default()),
        }
    }

    fn get(&self, block: Block, var: u32) -> Option<Value> {
        match self {
            Last::Dense { vars, values } => {
                Some(values[block.0 as usize * vars + var as usize]).filter(|&value| value != NONE)
            }
            Last::Sparse(values) => values.get(&(block, var)).copied(),
        }
    }

    fn set(&mut self, block: Block, var: u32, value: Value) {
        match self {
            Last::Dense { vars, values } => values[block.0 as usize * *vars + var as usize] = value,
            Last::Sparse(values) => {
                values.insert((block, var), value);
            }
        }
    }
}
