//! Blocks that end alike share their end.
//!
//! What several blocks do last before they return, or go to the same block, is written once. Where they do it with other
//! numbers, these become parameters; other addresses stay apart, since the kernel wants to know at each access what it
//! goes to. The verifier has less to do, too: where the ways meet, it sees that it was there.

use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use std::mem::{Discriminant, discriminant};

use super::{Context, count_uses};
use crate::Opt;
use crate::ir::{Block, Edge, Func, Op, Term, Type, Value, Values};

/// How many blocks are compared with one.
const MAX_COMPARED: usize = 32;

/// How many blocks of one kind are looked at.
const MAX_ALIKE: usize = 256;

/// How many numbers may differ.
const MAX_PARAMS: usize = 3;

/// How many instructions an end may have.
const MAX_LEN: usize = 64;

/// How often blocks are joined: an end that is shared may end like others.
const MAX_ROUNDS: usize = 3;

pub(super) fn run(func: &mut Func, context: &Context) -> bool {
    let mut changed = false;
    for _ in 0..MAX_ROUNDS {
        if !round(func, context.options.opt) {
            break;
        }
        changed = true;
    }
    changed | share_returns(func, context.options.opt)
}

/// Lets blocks that return the same number do that in one place, where that takes less: a jump is one instruction, and
/// none where that place follows.
fn share_returns(func: &mut Func, opt: Opt) -> bool {
    let mut places: FxHashMap<i64, (Option<Block>, Vec<Block>)> = FxHashMap::default();
    let mut numbers = Vec::new();
    for block in func.block_ids().skip(1) {
        let data = func.block(block);
        let Term::Return(Some(value)) = data.term else { continue };
        let Some(number) = func.as_const(value) else { continue };
        let (place, others) = places.entry(number).or_insert_with(|| {
            numbers.push(number);
            (None, Vec::new())
        });
        if place.is_none() && data.insts.is_empty() && data.params.is_empty() {
            *place = Some(block);
        } else if !data.insts.is_empty() {
            others.push(block);
        }
    }
    let mut changed = false;
    for number in numbers {
        let Some((Some(place), others)) = places.remove(&number) else { continue };
        // For speed, only the one that it can follow.
        let count = if opt == Opt::Os { others.len() } else { 1 };
        for other in others.into_iter().rev().take(count) {
            func.block_mut(other).term = Term::Jump(Edge::to(place));
            changed = true;
        }
    }
    changed
}

/// What blocks have in common that are compared: where they go, and what they do last.
type Kind = (Option<Block>, [Option<Discriminant<Op>>; 2]);

fn round(func: &mut Func, opt: Opt) -> bool {
    let mut kinds: FxHashMap<Kind, Vec<Block>> = FxHashMap::default();
    let mut order: Vec<Kind> = Vec::new();
    for block in func.block_ids().skip(1) {
        let to = match &func.block(block).term {
            Term::Return(_) => None,
            Term::Jump(edge) if edge.block != block => Some(edge.block),
            _ => continue,
        };
        let mut last = work(func, block).rev().map(|inst| discriminant(&func.node(inst).op));
        let kind = (to, [last.next(), last.next()]);
        if kind.1[1].is_none() {
            continue;
        }
        let blocks = kinds.entry(kind).or_default();
        if blocks.is_empty() {
            order.push(kind);
        }
        if blocks.len() < MAX_ALIKE {
            blocks.push(block);
        }
    }
    let uses = count_uses(func);
    let mut changed = false;
    for kind in order {
        let mut blocks = kinds.remove(&kind).unwrap_or_default();
        while blocks.len() > 1 {
            let first = blocks.remove(0);
            let mut ends: Vec<(Block, End)> = Vec::new();
            for &other in blocks.iter().take(MAX_COMPARED) {
                if let Some(end) = End::of(func, &uses, first, other, MAX_LEN)
                    && end.pays(opt)
                {
                    ends.push((other, end));
                }
            }
            let Some(len) = ends.iter().map(|(_, end)| end.len).max() else { continue };
            let others: Vec<Block> = ends
                .into_iter()
                .map(|(other, _)| other)
                .filter(|&other| {
                    End::of(func, &uses, first, other, len).is_some_and(|end| end.len == len && end.pays(opt))
                })
                .collect();
            blocks.retain(|block| !others.contains(block));
            changed |= Join::new(func, first, &others, len).write();
        }
    }
    changed
}

/// The instructions of a block but those that only make addresses and numbers, which may be made anywhere.
fn work(func: &Func, block: Block) -> impl DoubleEndedIterator<Item = Value> + '_ {
    func.block(block).insts.iter().copied().filter(|inst| !is_anywhere(func, *inst))
}

fn is_anywhere(func: &Func, inst: Value) -> bool {
    matches!(
        func.node(inst).op,
        Op::Const(_) | Op::Slot(_) | Op::Symbol(_) | Op::Core(_) | Op::PtrAdd { index: None, .. }
    )
}

/// Whether two values are the same number or address, made in different places perhaps.
fn is_same(func: &Func, a: Value, b: Value) -> bool {
    if a == b {
        return true;
    }
    match (&func.node(a).op, &func.node(b).op) {
        (Op::Const(_) | Op::Slot(_) | Op::Symbol(_) | Op::Core(_), _) => {
            func.node(a).ty == func.node(b).ty && func.node(a).op == func.node(b).op
        }
        (
            &Op::PtrAdd { base: a, index: None, offset: x },
            &Op::PtrAdd { base: b, index: None, offset: y },
        ) => x == y && is_same(func, a, b),
        _ => false,
    }
}

/// What two blocks do last that is alike.
struct End {
    /// How many instructions.
    len: usize,
    /// How many numbers differ.
    params: usize,
}

impl End {
    /// The longest end that both have, of so many instructions at most.
    fn of(func: &Func, uses: &[u32], a: Block, b: Block, max: usize) -> Option<End> {
        let (mut x, mut y): (SmallVec<[Value; 16]>, SmallVec<[Value; 16]>) = work(func, a)
            .rev()
            .zip(work(func, b).rev())
            .take(max)
            .take_while(|(x, y)| is_alike(func, *x, *y))
            .unzip();
        'shorter: loop {
            if x.len() < 2 {
                return None;
            }
            let mut pairs: SmallVec<[(Value, Value); 4]> = SmallVec::new();
            // Whether two operands can be one; else, which instruction is too many.
            let mut check = |v: Value, w: Value, user: usize| match (at(&x, v), at(&y, w)) {
                (Some(i), Some(j)) if i == j => Ok(()),
                (None, None) if is_same(func, v, w) => Ok(()),
                (None, None) if matches!(func.ty(v), Type::Int(_)) => {
                    if !pairs.contains(&(v, w)) {
                        pairs.push((v, w));
                    }
                    Ok(())
                }
                (None, None) => Err(user),
                (i, j) => Err(i.unwrap_or(usize::MAX).min(j.unwrap_or(usize::MAX))),
            };
            let mut wrong: Option<usize> = None;
            let mut note = |result: Result<(), usize>| {
                if let Err(at) = result {
                    wrong = Some(wrong.map_or(at, |wrong| wrong.min(at)));
                }
            };
            match (&func.block(a).term, &func.block(b).term) {
                (Term::Return(Some(v)), Term::Return(Some(w))) => note(check(*v, *w, 0)),
                (Term::Jump(v), Term::Jump(w)) => {
                    v.args.iter().zip(&w.args).for_each(|(v, w)| note(check(*v, *w, 0)));
                }
                _ => {}
            }
            for user in 0..x.len() {
                let (mut v, mut w) = (Values::new(), Values::new());
                func.node(x[user]).op.each_operand(|operand| v.push(operand));
                func.node(y[user]).op.each_operand(|operand| w.push(operand));
                v.iter().zip(&w).for_each(|(v, w)| note(check(*v, *w, user)));
            }
            let wrong = wrong.or_else(|| outside(func, uses, a, &x)).or_else(|| outside(func, uses, b, &y));
            if let Some(wrong) = wrong {
                x.truncate(wrong);
                y.truncate(wrong);
                continue 'shorter;
            }
            return Some(End { len: x.len(), params: pairs.len() });
        }
    }

    /// Whether it is worth a jump, and a move for each number that differs.
    fn pays(&self, opt: Opt) -> bool {
        let least = if opt == Opt::Os { 2 } else { 4 };
        self.params <= MAX_PARAMS && self.len >= 2 * self.params + least
    }
}

/// Where a value stands in a list.
fn at(list: &[Value], value: Value) -> Option<usize> {
    list.iter().position(|it| *it == value)
}

/// The first instruction of an end, as it is listed from the back, that something outside of it uses.
fn outside(func: &Func, uses: &[u32], block: Block, end: &[Value]) -> Option<usize> {
    let mut left: SmallVec<[u32; 16]> = end.iter().map(|v| uses[v.0 as usize]).collect();
    let mut used = |v: Value| {
        if let Some(at) = at(end, v) {
            left[at] = left[at].saturating_sub(1);
        }
    };
    end.iter().for_each(|inst| func.node(*inst).op.each_operand(&mut used));
    func.block(block).term.each_operand(&mut used);
    left.iter().position(|left| *left > 0)
}

/// Whether two instructions do the same, apart from their operands.
fn is_alike(func: &Func, a: Value, b: Value) -> bool {
    let (x, y) = (func.node(a), func.node(b));
    if x.ty != y.ty || matches!(x.op, Op::Marker { .. } | Op::Asm(_) | Op::Pin(_)) {
        return false;
    }
    let (mut v, mut w) = (Values::new(), Values::new());
    let shape = |op: &Op, operands: &mut Values| {
        let mut op = op.clone();
        op.each_operand_mut(|v| operands.push(std::mem::replace(v, Value(0))));
        op
    };
    discriminant(&x.op) == discriminant(&y.op)
        && shape(&x.op, &mut v) == shape(&y.op, &mut w)
        && v.iter().zip(&w).all(|(v, w)| func.node(*v).ty == func.node(*w).ty)
}

/// Blocks whose ends become one.
struct Join<'a> {
    func: &'a mut Func,
    /// The blocks, and their ends in order.
    blocks: Vec<(Block, Vec<Value>)>,
    /// Where the shared end stands.
    shared: Block,
    /// What the blocks bring for each parameter.
    params: Vec<(Value, Vec<Value>)>,
    /// What stands for the instructions of the first block's end.
    copies: Vec<(Value, Value)>,
    /// Addresses and numbers that were made again.
    made: Vec<(Value, Value)>,
    insts: Vec<Value>,
}

impl<'a> Join<'a> {
    fn new(func: &'a mut Func, first: Block, others: &[Block], len: usize) -> Join<'a> {
        let blocks = std::iter::once(first)
            .chain(others.iter().copied())
            .map(|block| {
                let mut end: Vec<Value> = work(func, block).rev().take(len).collect();
                end.reverse();
                (block, end)
            })
            .collect();
        let shared = func.new_block(func.block(first).loc);
        Join {
            func,
            blocks,
            shared,
            params: Vec::new(),
            copies: Vec::new(),
            made: Vec::new(),
            insts: Vec::new(),
        }
    }

    fn write(mut self) -> bool {
        for at in 0..self.blocks[0].1.len() {
            let mut node = self.func.node(self.blocks[0].1[at]).clone();
            let mut place = 0;
            let mut operands = Values::new();
            node.op.each_operand(|_| {
                operands.push(Value(place));
                place += 1;
            });
            for operand in &mut operands {
                let number = operand.0 as usize;
                let all: Vec<Value> =
                    self.blocks.iter().map(|(_, end)| nth_operand(self.func, end[at], number)).collect();
                *operand = self.operand(&all);
            }
            let mut operands = operands.into_iter();
            node.op.each_operand_mut(|v| *v = operands.next().unwrap_or(*v));
            let new = self.func.new_node(node.op, node.ty, node.loc);
            self.copies.push((self.blocks[0].1[at], new));
            self.insts.push(new);
        }
        let mut term = self.func.block(self.blocks[0].0).term.clone();
        let mut number = 0;
        term.each_operand_mut(|v| {
            let all: Vec<Value> = self
                .blocks
                .iter()
                .map(|(block, _)| {
                    let (mut next, mut found) = (0, *v);
                    self.func.block(*block).term.each_operand(|operand| {
                        if next == number {
                            found = operand;
                        }
                        next += 1;
                    });
                    found
                })
                .collect();
            number += 1;
            *v = self.operand(&all);
        });
        let data = self.func.block_mut(self.shared);
        (data.insts, data.term) = (self.insts, term);
        for (at, (block, end)) in self.blocks.iter().enumerate() {
            let data = self.func.block_mut(*block);
            data.insts.retain(|inst| !end.contains(inst));
            let args = self.params.iter().map(|(_, all)| all[at]).collect();
            data.term = Term::Jump(Edge { block: self.shared, args });
        }
        true
    }

    /// What stands for an operand, given what it is in each block.
    fn operand(&mut self, all: &[Value]) -> Value {
        let first = all[0];
        if let Some((_, copy)) = self.copies.iter().find(|(it, _)| *it == first) {
            return *copy;
        }
        if all.iter().all(|v| *v == first) && !is_anywhere(self.func, first) {
            return first;
        }
        if all.iter().all(|v| is_same(self.func, first, *v)) {
            return self.make(first);
        }
        if let Some((param, _)) = self.params.iter().find(|(_, brought)| brought == all) {
            return *param;
        }
        let (ty, loc) = (self.func.ty(first), self.func.node(first).loc);
        let param = self.func.new_param(self.shared, ty, loc);
        self.params.push((param, all.to_vec()));
        param
    }

    /// Makes an address or a number again.
    fn make(&mut self, value: Value) -> Value {
        if !is_anywhere(self.func, value) {
            return value;
        }
        if let Some((_, made)) = self.made.iter().find(|(it, _)| is_same(self.func, *it, value)) {
            return *made;
        }
        let mut node = self.func.node(value).clone();
        if let Op::PtrAdd { base, .. } = &mut node.op {
            *base = self.make(*base);
        }
        let new = self.func.new_node(node.op, node.ty, node.loc);
        self.made.push((value, new));
        self.insts.push(new);
        new
    }
}

fn nth_operand(func: &Func, inst: Value, number: usize) -> Value {
    let (mut next, mut found) = (0, inst);
    func.node(inst).op.each_operand(|operand| {
        if next == number {
            found = operand;
        }
        next += 1;
    });
    found
}
