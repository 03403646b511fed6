//! Puts the body of a function in the place of a call.

use crate::ir::{Block, Edge, Func, Op, Slot, Term, Value, Values};

/// Inlines one call; `false` if the call does not fit the function.
pub(super) fn inline(func: &mut Func, block: Block, call: Value, callee: &Func) -> bool {
    let Op::Call { args, .. } = &func.node(call).op else { return false };
    let args = args.clone();
    let fits = args.len() == callee.sig.params.len()
        && args.iter().zip(&callee.sig.params).all(|(arg, ty)| func.ty(*arg) == *ty)
        && (func.node(call).ty.is_none() || func.node(call).ty == callee.sig.ret);
    let Some(at) = func.block(block).insts.iter().position(|inst| *inst == call) else { return false };
    if !fits {
        return false;
    }
    let rest = split(func, block, at, call);
    let mut body = Body {
        values: vec![Value(u32::MAX); callee.nodes.len()],
        first_block: u32::try_from(func.blocks.len()).expect("fewer than 2^32 blocks"),
        first_slot: u32::try_from(func.slots.len()).expect("fewer than 2^32 slots"),
        rest,
        has_result: func.node(call).ty.is_some(),
        func,
        callee,
    };
    body.declare(&args);
    body.copy();
    let entry = Edge::to(Block(body.first_block));
    func.block_mut(block).term = Term::Jump(entry);
    true
}

/// Moves what stands behind a call to a block of its own, which takes the result of the call as a parameter.
fn split(func: &mut Func, block: Block, at: usize, call: Value) -> Block {
    let loc = func.block(block).loc;
    let rest = func.new_block(loc);
    let data = func.block_mut(block);
    let behind = data.insts.split_off(at + 1);
    data.insts.pop();
    let term = std::mem::replace(&mut data.term, Term::Open);
    let data = func.block_mut(rest);
    data.insts = behind;
    data.term = term;
    if func.node(call).ty.is_some() {
        // The call itself becomes the parameter, so that its users need not be changed.
        func.node_mut(call).op = Op::Param;
        func.block_mut(rest).params.push(call);
    }
    rest
}

struct Body<'a> {
    func: &'a mut Func,
    callee: &'a Func,
    /// What the values of the callee are here.
    values: Vec<Value>,
    first_block: u32,
    first_slot: u32,
    /// Where it goes on behind the call.
    rest: Block,
    has_result: bool,
}

impl Body<'_> {
    /// Makes blocks, slots and values, so that all can refer to all.
    fn declare(&mut self, args: &Values) {
        let callee = self.callee;
        self.func.slots.extend(callee.slots.iter().cloned());
        for (at, data) in callee.blocks.iter().enumerate() {
            let block = self.func.new_block(data.loc);
            for (n, &param) in data.params.iter().enumerate() {
                self.values[param.0 as usize] = if at == 0 {
                    args[n]
                } else {
                    let node = callee.node(param);
                    self.func.new_param(block, callee.ty(param), node.loc)
                };
            }
            for &inst in &data.insts {
                let node = callee.node(inst).clone();
                let value = self.func.new_node(node.op, node.ty, node.loc);
                self.values[inst.0 as usize] = value;
                self.func.block_mut(block).insts.push(value);
            }
        }
    }

    /// Lets the copies refer to each other.
    fn copy(&mut self) {
        let callee = self.callee;
        for (at, data) in (self.first_block..).zip(&callee.blocks) {
            for at in 0..data.insts.len() {
                let inst = self.values[data.insts[at].0 as usize];
                let op = &mut self.func.nodes[inst.0 as usize].op;
                op.each_operand_mut(|v| *v = self.values[v.0 as usize]);
                if let Op::Slot(slot) = op {
                    *slot = Slot(slot.0 + self.first_slot);
                }
            }
            let mut term = match &data.term {
                Term::Return(result) => {
                    let args = result.filter(|_| self.has_result).into_iter().collect();
                    let mut edge = Edge { block: self.rest, args };
                    edge.args.iter_mut().for_each(|v| *v = self.values[v.0 as usize]);
                    self.func.block_mut(Block(at)).term = Term::Jump(edge);
                    continue;
                }
                term => term.clone(),
            };
            term.each_operand_mut(|v| *v = self.values[v.0 as usize]);
            term.each_edge_mut(|edge| edge.block = Block(edge.block.0 + self.first_block));
            self.func.block_mut(Block(at)).term = term;
        }
    }
}
