//! Blocks that do the same, or nearly.

use skep_codegen::ir::{Block, Cond, Edge, Func, Loc, Op, Term, Type, Value};

use crate::random::Random;

/// Gives some blocks a twin, which some way goes to. It stores other constants, here and there.
pub(super) fn add(random: &mut Random, func: &mut Func) {
    for block in func.block_ids().skip(1) {
        if random.once_in(2) && is_closed(func, block) {
            twin(random, func, block);
        }
    }
}

/// Whether a block goes one way, and its values are used in it alone.
fn is_closed(func: &Func, block: Block) -> bool {
    let data = func.block(block);
    if data.insts.len() < 3 || !matches!(data.term, Term::Jump(_) | Term::Return(_)) {
        return false;
    }
    if data.insts.iter().any(|inst| matches!(func.node(*inst).op, Op::Marker { .. })) {
        return false;
    }
    let is_own = |v: Value| data.params.contains(&v) || data.insts.contains(&v);
    func.block_ids().filter(|other| *other != block).all(|other| {
        let mut foreign = true;
        let other = func.block(other);
        other.insts.iter().for_each(|inst| func.node(*inst).op.each_operand(|v| foreign &= !is_own(v)));
        other.term.each_operand(|v| foreign &= !is_own(v));
        foreign
    })
}

fn twin(random: &mut Random, func: &mut Func, block: Block) {
    let mut ways_in = Vec::new();
    for pred in func.block_ids() {
        func.block(pred).term.each_edge(|edge| {
            if edge.block == block {
                ways_in.push(pred);
            }
        });
    }
    let jump = ways_in.iter().copied().find(|pred| matches!(func.block(*pred).term, Term::Jump(_)));
    if ways_in.contains(&block) || (ways_in.len() < 2 && jump.is_none()) {
        return;
    }
    let copy = copied(random, func, block);
    match jump {
        // Nobody is told which of the two it will be.
        Some(pred) => {
            let one = func.push(pred, Op::Const(1), Some(Type::I64), Loc::UNKNOWN);
            let pinned = func.push(pred, Op::Pin(one), Some(Type::I64), Loc::UNKNOWN);
            let Term::Jump(edge) = func.block(pred).term.clone() else { return };
            let other = Edge { block: copy, args: edge.args.clone() };
            let cond = random.pick(&[Cond::Eq, Cond::Ne]);
            func.block_mut(pred).term = Term::Branch { cond, a: pinned, b: one, then: edge, other };
        }
        None => {
            let mut changed = false;
            func.block_mut(ways_in[0]).term.each_edge_mut(|edge| {
                if edge.block == block && !std::mem::replace(&mut changed, true) {
                    edge.block = copy;
                }
            });
        }
    }
}

fn copied(random: &mut Random, func: &mut Func, block: Block) -> Block {
    let mut data = func.block(block).clone();
    let copy = func.new_block(data.loc);
    let mut values: Vec<(Value, Value)> = Vec::new();
    for value in data.params.iter_mut().chain(&mut data.insts) {
        let node = func.node(*value).clone();
        let new = func.new_node(node.op, node.ty, node.loc);
        values.push((*value, new));
        *value = new;
    }
    let renamed = |v: &mut Value| {
        if let Some((_, new)) = values.iter().find(|(old, _)| *old == *v) {
            *v = *new;
        }
    };
    let mut insts = Vec::new();
    for &inst in &data.insts {
        func.node_mut(inst).op.each_operand_mut(renamed);
        if let Op::Store { value, .. } = func.node(inst).op
            && let Some(number) = func.as_const(value)
            && let ty @ Type::Int(_) = func.ty(value)
            && random.once_in(2)
        {
            let number = ty.canonical(number.wrapping_add(1));
            let new = func.new_node(Op::Const(number), Some(ty), Loc::UNKNOWN);
            insts.push(new);
            if let Op::Store { value, .. } = &mut func.node_mut(inst).op {
                *value = new;
            }
        }
        insts.push(inst);
    }
    data.term.each_operand_mut(renamed);
    data.insts = insts;
    *func.block_mut(copy) = data;
    copy
}
