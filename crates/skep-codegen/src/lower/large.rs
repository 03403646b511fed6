//! Copies and fills of many bytes become loops over pieces of a few.

use crate::ir::{BinOp, Block, Cond, Edge, Func, Loc, Op, Term, Type, Value, Values};

/// The most bytes that are copied or set without a loop.
const MAX_STRAIGHT: u32 = 4096;

/// How many bytes one round of a loop copies or sets.
const PIECE: u32 = 64;

/// The most bytes that the kernel takes: its verifier follows each round of a loop, up to a million instructions, and a
/// round of a copy has about twenty.
pub(super) const MAX_KERNEL: u32 = 3 << 20;

/// Operations that the kernel does not take: the index of the function, where they stand, and how many bytes they copy or set.
pub(super) fn endless(at: usize, func: &Func) -> impl Iterator<Item = (usize, Loc, u32)> {
    let insts = func.blocks.iter().flat_map(|block| &block.insts).map(|&inst| func.node(inst));
    let sizes = insts.filter_map(|node| Some((node.loc, size(&node.op)?)));
    sizes.filter(|(_, size)| *size > MAX_KERNEL).map(move |(loc, size)| (at, loc, size))
}

/// The bytes that an operation copies or sets.
fn size(op: &Op) -> Option<u32> {
    match *op {
        Op::Copy { size, .. } | Op::Fill { size, .. } => Some(size),
        _ => None,
    }
}

/// Makes loops of what is too long for straight code.
pub(super) fn run(func: &mut Func) {
    if !func.nodes.iter().any(|node| size(&node.op).is_some_and(is_large)) {
        return;
    }
    let mut todo: Vec<Block> = func.block_ids().collect();
    while let Some(block) = todo.pop() {
        let insts = &func.block(block).insts;
        let found = insts.iter().position(|&inst| size(&func.node(inst).op).is_some_and(is_large));
        todo.extend(found.map(|at| expand(func, block, at)));
    }
}

fn is_large(size: u32) -> bool {
    size > MAX_STRAIGHT
}

/// Puts a loop in the place of an operation; the block behind it.
fn expand(func: &mut Func, block: Block, at: usize) -> Block {
    let inst = func.block(block).insts[at];
    let loc = func.node(inst).loc;
    let op = func.node(inst).op.clone();
    let size = size(&op).unwrap_or(0);
    let whole = size - size % PIECE;

    let (body, rest) = (func.new_block(loc), func.new_block(loc));
    let number = |func: &mut Func, block, number| func.push(block, Op::Const(number), Some(Type::I64), loc);
    let data = func.block_mut(block);
    let (behind, term, end) =
        (data.insts.split_off(at + 1), std::mem::replace(&mut data.term, Term::Open), data.loc);
    data.insts.pop();
    let start = number(func, block, 0);
    let data = func.block_mut(block);
    data.term = Term::Jump(Edge { block: body, args: Values::from_slice(&[start]) });
    data.loc = loc;

    let offset = func.new_param(body, Type::I64, loc);
    piece(func, body, &op, offset, PIECE);
    let (step, end_offset) = (number(func, body, PIECE.into()), number(func, body, whole.into()));
    let next = func.push(body, Op::Bin(BinOp::Add, offset, step), Some(Type::I64), loc);
    func.block_mut(body).term = Term::Branch {
        cond: Cond::Ne,
        a: next,
        b: end_offset,
        then: Edge { block: body, args: Values::from_slice(&[next]) },
        other: Edge::to(rest),
    };

    if size > whole {
        let offset = number(func, rest, whole.into());
        piece(func, rest, &op, offset, size - whole);
    }
    let data = func.block_mut(rest);
    data.insts.extend(behind);
    (data.term, data.loc) = (term, end);
    rest
}

/// Copies or sets as many bytes, so far from where the operation begins.
fn piece(func: &mut Func, block: Block, op: &Op, offset: Value, size: u32) {
    let loc = func.block(block).loc;
    let mut further = |base: Value| {
        let ty = func.node(base).ty;
        func.push(block, Op::PtrAdd { base, index: Some(offset), offset: 0 }, ty, loc)
    };
    let op = match *op {
        Op::Copy { dst, src, align, .. } => Op::Copy { dst: further(dst), src: further(src), size, align },
        Op::Fill { dst, byte, align, .. } => Op::Fill { dst: further(dst), byte, size, align },
        _ => return,
    };
    func.push(block, op, None, loc);
}
