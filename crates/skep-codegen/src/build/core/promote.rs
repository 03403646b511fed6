//! Local variables become values: pruned SSA form, by dominance frontiers (Cytron and others, 1991).
//!
//! Until here each variable is a slot that loads and stores name by one address node. A variable whose address is used
//! for nothing else becomes a value; where ways with different values meet, a parameter of the block.

use smallvec::SmallVec;

use super::body::Body;
use crate::ir::{self, Block, Cfg, Func, Loc, Op, Type, Value};

/// No value has been written.
const UNWRITTEN: Value = Value(u32::MAX);

/// What is wrong with what a body reads.
#[derive(Debug, Default)]
pub(super) struct Unmade {
    /// Variables that are read before they are written, with the places.
    pub(super) vars: Vec<(u32, Loc)>,
    /// Where values are used that are not made on each way to there.
    pub(super) values: Vec<Loc>,
}

/// Makes values of variables, and takes out values that nobody uses: compares that a branch has taken over, constants,
/// parameters.
pub(super) fn variables(body: &mut Body) -> Unmade {
    let mut unmade = Unmade::default();
    if body.vars.is_empty() && body.ir.blocks.len() == 1 {
        Live::new(&body.ir).remove(&mut body.ir);
        return unmade;
    }
    let mut pass = Pass::new(body);
    let cfg = Cfg::new(&body.ir);
    pass.place_params(&mut body.ir, &cfg);
    pass.rename(&mut body.ir, &cfg);
    let live = Live::new(&body.ir);
    unmade.vars.append(&mut pass.unwritten);
    unmade.vars.extend(live.unwritten.iter().filter_map(|&value| {
        let param = pass.params.iter().find(|param| param.value == value)?;
        Some((param.var, pass.first_read[param.var as usize]))
    }));
    unmade.vars.sort_unstable();
    unmade.vars.dedup_by_key(|&mut (var, _)| var);
    unmade.values = pass.escaped;
    unmade.values.sort_unstable();
    unmade.values.dedup();
    live.remove(&mut body.ir);
    place_slots(body);
    if unmade.vars.is_empty() && unmade.values.is_empty() {
        // Loads and stores of variables, and what was computed in vain, are most of what was made.
        body.ir.drop_dead_nodes();
    }
    unmade
}

/// A parameter that stands for a variable.
#[derive(Clone, Copy)]
struct VarParam {
    block: Block,
    var: u32,
    value: Value,
}

struct Pass {
    /// Types of the variables that become values.
    types: Vec<Option<Type>>,
    /// Blocks that write a variable.
    writers: Vec<SmallVec<[Block; 4]>>,
    /// Whether a variable is read in a block before it is written there.
    crosses: Vec<bool>,
    first_read: Vec<Loc>,
    /// Ordered by block.
    params: Vec<VarParam>,
    /// Where the parameters of a block begin in `params`.
    starts: Vec<u32>,
    unwritten: Vec<(u32, Loc)>,
    /// Which values are made on each way to the current place, and which of them the way down there has made.
    made: Vec<bool>,
    made_log: Vec<Value>,
    escaped: Vec<Loc>,
}

impl Pass {
    fn new(body: &Body) -> Pass {
        let func = &body.ir;
        let types: Vec<Option<Type>> = body.vars.iter().map(|var| var.value.filter(|_| !var.taken)).collect();
        let count = types.len();
        let mut pass = Pass {
            types,
            writers: vec![SmallVec::new(); count],
            crosses: vec![false; count],
            first_read: vec![Loc::UNKNOWN; count],
            params: Vec::new(),
            starts: Vec::new(),
            unwritten: Vec::new(),
            made: Vec::new(),
            made_log: Vec::new(),
            escaped: Vec::new(),
        };
        for at in func.block_ids() {
            for &inst in &func.block(at).insts {
                let node = func.node(inst);
                let (ptr, reads) = match node.op {
                    Op::Load { ptr, .. } => (ptr, true),
                    Op::Store { ptr, .. } => (ptr, false),
                    _ => continue,
                };
                let Some(var) = pass.var(func, ptr) else { continue };
                let written = pass.writers[var].last() == Some(&at);
                if reads {
                    pass.crosses[var] |= !written;
                    if pass.first_read[var] == Loc::UNKNOWN {
                        pass.first_read[var] = node.loc;
                    }
                } else if !written {
                    pass.writers[var].push(at);
                }
            }
        }
        pass
    }

    /// The variable that becomes a value, and whose address this is.
    fn var(&self, func: &Func, address: Value) -> Option<usize> {
        match func.node(address).op {
            Op::Slot(slot) => self.types[slot.0 as usize].map(|_| slot.0 as usize),
            _ => None,
        }
    }

    fn place_params(&mut self, func: &mut Func, cfg: &Cfg) {
        let blocks = func.blocks.len();
        if blocks > 1 && self.crosses.iter().any(|&crosses| crosses) {
            let frontiers = frontiers(func, cfg);
            // Which variable has had a block last: parameters of it are placed once.
            let mut placed = vec![u32::MAX; blocks];
            let mut todo: Vec<Block> = Vec::new();
            for var in 0..self.types.len() {
                let (Some(ty), true) = (self.types[var], self.crosses[var]) else { continue };
                let number = u32::try_from(var).unwrap_or(u32::MAX);
                todo.extend(&self.writers[var]);
                while let Some(writer) = todo.pop() {
                    for &block in &frontiers[writer.0 as usize] {
                        if std::mem::replace(&mut placed[block.0 as usize], number) != number {
                            let loc = func.block(block).loc;
                            let value = func.new_param(block, ty, loc);
                            self.params.push(VarParam { block, var: number, value });
                            todo.push(block);
                        }
                    }
                }
            }
            self.params.sort_by_key(|param| param.block);
        }
        self.starts = vec![0; blocks + 1];
        for param in &self.params {
            self.starts[param.block.0 as usize + 1] += 1;
        }
        for at in 1..self.starts.len() {
            self.starts[at] += self.starts[at - 1];
        }
    }

    fn params_of(&self, block: Block) -> std::ops::Range<usize> {
        self.starts[block.0 as usize] as usize..self.starts[block.0 as usize + 1] as usize
    }

    /// Walks down the dominator tree with the value that each variable has.
    fn rename(&mut self, func: &mut Func, cfg: &Cfg) {
        let (first_child, next_sibling) = dominator_tree(func, cfg);
        let mut with: Vec<Value> = (0..).map(Value).take(func.nodes.len()).collect();
        let mut current = vec![UNWRITTEN; self.types.len()];
        // Addresses of variables stand before everything else.
        self.made = func.nodes.iter().map(|node| matches!(node.op, Op::Slot(_))).collect();
        // What variables were before, to be restored on the way back.
        let mut log: Vec<(u32, Value)> = Vec::new();
        let mut path: Vec<(Block, usize, usize)> = vec![(Func::ENTRY, 0, 0)];
        self.rename_block(func, Func::ENTRY, &mut with, &mut current, &mut log);
        let mut next = first_child[0];
        loop {
            if let Some(block) = next {
                path.push((block, log.len(), self.made_log.len()));
                self.rename_block(func, block, &mut with, &mut current, &mut log);
                next = first_child[block.0 as usize];
                continue;
            }
            let Some((block, mark, made_mark)) = path.pop() else { break };
            for value in self.made_log.drain(made_mark..) {
                self.made[value.0 as usize] = false;
            }
            for (var, value) in log.drain(mark..).rev() {
                current[var as usize] = value;
            }
            next = next_sibling[block.0 as usize];
        }
    }

    fn rename_block(
        &mut self,
        func: &mut Func,
        block: Block,
        with: &mut [Value],
        current: &mut [Value],
        log: &mut Vec<(u32, Value)>,
    ) {
        let mut write = |current: &mut [Value], var: usize, value: Value| {
            log.push((u32::try_from(var).unwrap_or(u32::MAX), std::mem::replace(&mut current[var], value)));
        };
        for at in self.params_of(block) {
            let VarParam { var, value, .. } = self.params[at];
            write(current, var as usize, value);
        }
        for at in 0..func.block(block).params.len() {
            let param = func.block(block).params[at];
            self.make(param);
        }
        let mut insts = std::mem::take(&mut func.block_mut(block).insts);
        insts.retain(|&inst| {
            let mut made = true;
            func.node_mut(inst).op.each_operand_mut(|v| {
                made &= self.made[v.0 as usize];
                *v = with[v.0 as usize];
            });
            self.make(inst);
            if !made {
                self.escaped.push(func.node(inst).loc);
            }
            let node = func.node(inst);
            match node.op {
                Op::Load { ptr, .. } => {
                    let Some(var) = self.var(func, ptr) else { return true };
                    if current[var] == UNWRITTEN {
                        self.unwritten.push((u32::try_from(var).unwrap_or(u32::MAX), node.loc));
                        write(current, var, zero(func, self.types[var]));
                    }
                    with[inst.0 as usize] = current[var];
                    false
                }
                Op::Store { ptr, value, .. } => {
                    let Some(var) = self.var(func, ptr) else { return true };
                    write(current, var, self.narrow(func, var, value));
                    false
                }
                // Memory holds it wider; the value was never so.
                Op::Cast(ir::CastOp::Trunc, wide) if func.node(wide).ty == node.ty => {
                    with[inst.0 as usize] = wide;
                    false
                }
                _ => true,
            }
        });
        func.block_mut(block).insts = insts;
        let mut term = std::mem::replace(&mut func.block_mut(block).term, ir::Term::Open);
        let mut made = true;
        term.each_operand_mut(|v| {
            made &= self.made[v.0 as usize];
            *v = with[v.0 as usize];
        });
        if !made {
            self.escaped.push(func.block(block).loc);
        }
        term.each_edge_mut(|edge| {
            for at in self.params_of(edge.block) {
                edge.args.push(current[self.params[at].var as usize]);
            }
        });
        func.block_mut(block).term = term;
    }

    fn make(&mut self, value: Value) {
        self.made[value.0 as usize] = true;
        self.made_log.push(value);
    }

    /// The value that is written: before it was made as wide as memory has it.
    fn narrow(&self, func: &Func, var: usize, value: Value) -> Value {
        match func.node(value).op {
            Op::Cast(_, narrow) if func.node(value).ty != self.types[var] => narrow,
            _ => value,
        }
    }
}

/// A constant for what has no value; the function is refused anyway.
fn zero(func: &mut Func, ty: Option<Type>) -> Value {
    func.new_node(Op::Const(0), ty, Loc::UNKNOWN)
}

/// The blocks where what a block writes may meet something else.
fn frontiers(func: &Func, cfg: &Cfg) -> Vec<SmallVec<[Block; 2]>> {
    let mut frontiers: Vec<SmallVec<[Block; 2]>> = vec![SmallVec::new(); func.blocks.len()];
    for &block in &cfg.order {
        let preds = cfg.preds(block);
        if preds.len() < 2 {
            continue;
        }
        let end = cfg.idom(block);
        for &pred in preds {
            let mut runner = Some(pred);
            while let Some(at) = runner
                && runner != end
            {
                let frontier = &mut frontiers[at.0 as usize];
                // Whoever has it has passed it on to all above.
                if frontier.last() == Some(&block) {
                    break;
                }
                frontier.push(block);
                runner = cfg.idom(at);
            }
        }
    }
    frontiers
}

/// The first child and the next sibling of each block.
fn dominator_tree(func: &Func, cfg: &Cfg) -> (Vec<Option<Block>>, Vec<Option<Block>>) {
    let mut first = vec![None; func.blocks.len()];
    let mut next = vec![None; func.blocks.len()];
    for &block in cfg.order.iter().rev() {
        if let Some(idom) = cfg.idom(block) {
            next[block.0 as usize] = first[idom.0 as usize].replace(block);
        }
    }
    (first, next)
}

/// Which values are needed.
struct Live {
    live: Vec<bool>,
    /// Needed parameters that some way brings nothing along for.
    unwritten: Vec<Value>,
}

impl Live {
    fn new(func: &Func) -> Live {
        let live = func.needed(|inst| !func.node(inst).op.is_pure());
        let mut unwritten = Vec::new();
        for block in &func.blocks {
            block.term.each_edge(|edge| {
                for (param, arg) in func.block(edge.block).params.iter().zip(&edge.args) {
                    if *arg == UNWRITTEN && live[param.0 as usize] {
                        unwritten.push(*param);
                    }
                }
            });
        }
        Live { live, unwritten }
    }

    fn is_live(&self, value: Value) -> bool {
        self.live.get(value.0 as usize).copied().unwrap_or(false)
    }

    /// Takes out what is not needed.
    fn remove(&self, func: &mut Func) {
        for block in &mut func.blocks {
            block.insts.retain(|&inst| self.is_live(inst));
        }
        let shrinks = |block: &ir::BlockData| block.params.iter().any(|&param| !self.is_live(param));
        if !func.blocks.iter().skip(1).any(shrinks) {
            return;
        }
        for at in 0..func.blocks.len() {
            let mut term = std::mem::replace(&mut func.blocks[at].term, ir::Term::Open);
            term.each_edge_mut(|edge| {
                let mut params = func.block(edge.block).params.iter();
                edge.args.retain(|_| params.next().is_some_and(|&param| self.is_live(param)));
            });
            func.blocks[at].term = term;
        }
        for block in func.blocks.iter_mut().skip(1) {
            block.params.retain(|&param| self.is_live(param));
        }
    }
}

/// Gives the other variables slots, and their addresses a place at the start.
fn place_slots(body: &mut Body) {
    let Body { ir: func, vars, .. } = body;
    let mut used = vec![false; vars.len()];
    for block in &func.blocks {
        let mut mark = |v: Value| {
            if let Some(node) = func.nodes.get(v.0 as usize)
                && let Op::Slot(slot) = node.op
            {
                used[slot.0 as usize] = true;
            }
        };
        block.insts.iter().for_each(|&inst| func.node(inst).op.each_operand(&mut mark));
        block.term.each_operand(&mut mark);
    }
    let mut addresses = Vec::new();
    for (var, used) in vars.iter_mut().zip(used) {
        if used {
            let slot = func.new_slot(var.slot.clone());
            func.node_mut(var.address).op = Op::Slot(slot);
            addresses.push(var.address);
        }
    }
    if !addresses.is_empty() {
        func.block_mut(Func::ENTRY).insts.splice(0..0, addresses);
    }
}
