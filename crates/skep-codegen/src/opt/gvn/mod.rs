//! Values that are there already: the same operation on the same operands, loads of what was stored or loaded before,
//! and stores of what is there.
//!
//! One walk in reverse postorder with one table; an entry counts where its block dominates. Addresses are merged, too:
//! the earlier one stood behind its tests already.

mod memory;
mod table;

use table::Table;

use super::alias::Aliases;
use super::loops::Loops;
use super::{Context, identity};
use crate::ir::{Block, CastOp, Cfg, Func, Op, Type, Value};

/// Merges values, and forwards memory.
pub(super) fn run(func: &mut Func, context: &Context) -> bool {
    super::flow::drop_unreachable(func);
    let cfg = Cfg::new(func);
    let loops = Loops::new(func, &cfg);
    let aliases = Aliases::new(func, &cfg, context);
    let mut gvn = Gvn {
        with: identity(func),
        home: vec![Func::ENTRY; func.nodes.len()],
        table: Table::new(func.nodes.len()),
        changed: false,
        out: Vec::new(),
        func,
        cfg: &cfg,
        context,
    };
    let mut memory = memory::Memory::new(gvn.func, aliases);
    for &block in &cfg.order {
        memory.enter(gvn.func, &cfg, &loops, context, block);
        gvn.block(block, &mut memory);
        memory.leave(block);
    }
    let Gvn { with, changed, func, .. } = gvn;
    if changed {
        // Values are made before they are used, but for those that come along on the way back into a loop.
        for block in &mut func.blocks {
            block.term.each_edge_mut(|edge| edge.args.iter_mut().for_each(|v| *v = resolve(&with, *v)));
        }
    }
    changed
}

/// An operation and its operands, packed: equal keys make equal values.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    op: u32,
    ty: Type,
    operands: u64,
    more: i64,
}

struct Gvn<'a> {
    func: &'a mut Func,
    cfg: &'a Cfg,
    context: &'a Context<'a>,
    with: Vec<Value>,
    /// The block of each value.
    home: Vec<Block>,
    table: Table,
    changed: bool,
    /// What the block will hold, so far.
    out: Vec<Value>,
}

impl Gvn<'_> {
    fn block(&mut self, block: Block, memory: &mut memory::Memory) {
        for &param in &self.func.block(block).params {
            self.home[param.0 as usize] = block;
        }
        let insts = std::mem::take(&mut self.func.block_mut(block).insts);
        self.out = Vec::with_capacity(insts.len());
        for inst in insts {
            let with = &self.with;
            self.func.nodes[inst.0 as usize].op.each_operand_mut(|v| *v = resolve(with, *v));
            self.home[inst.0 as usize] = block;
            if !self.merge(inst, block) && !memory.inst(self, inst, block) {
                self.out.push(inst);
            }
        }
        let data = self.func.block_mut(block);
        data.insts = std::mem::take(&mut self.out);
        let with = &self.with;
        data.term.each_operand_mut(|v| *v = resolve(with, *v));
    }

    /// Replaces an instruction by an equal one, if there is one.
    fn merge(&mut self, inst: Value, block: Block) -> bool {
        let Some(key) = key(self.func, inst) else { return false };
        let func = &*self.func;
        let place = self.table.place(key, inst, |other| self::key(func, other) == Some(key));
        let other = *place;
        if other != inst && self.cfg.dominates(self.home[other.0 as usize], block) {
            self.replace(inst, other);
            return true;
        }
        *place = inst;
        false
    }

    fn replace(&mut self, inst: Value, value: Value) {
        self.changed = true;
        self.with[inst.0 as usize] = value;
    }

    /// A new instruction before the one that is looked at; or an equal one.
    fn insert(&mut self, op: Op, ty: Type, like: Value, block: Block) -> Value {
        let loc = self.func.node(like).loc;
        let value = self.func.new_node(op, Some(ty), loc);
        self.with.push(value);
        self.home.push(block);
        if self.merge(value, block) {
            return resolve(&self.with, value);
        }
        self.out.push(value);
        value
    }

    /// The value, or its low or extended bits, as another type; the last step is left to the instruction `inst`.
    fn convert(&mut self, inst: Value, value: Value, bits: u8, signed: bool, block: Block) {
        let to = self.func.ty(inst);
        let from = self.func.ty(value);
        let (mut value, mut from) = (value, from);
        let narrow = Type::Int(bits);
        // Only the low bits were in memory.
        if matches!(from, Type::Int(_)) && from.bits() > bits && to != narrow {
            value = self.insert(Op::Cast(CastOp::Trunc, value), narrow, inst, block);
            from = narrow;
        }
        let op = match (from, to) {
            _ if from == to => return self.replace(inst, value),
            (Type::Int(a), Type::Int(b)) if a > b => CastOp::Trunc,
            (Type::Int(_), Type::Int(_)) if signed => CastOp::Sext,
            (Type::Int(_), Type::Int(_)) => CastOp::Zext,
            (Type::Ptr(_), Type::Int(_)) => CastOp::PtrToInt,
            (Type::Int(_), Type::Ptr(_)) => CastOp::IntToPtr,
            (Type::Ptr(_), Type::Ptr(_)) => CastOp::Space,
        };
        let loc = self.func.node(inst).loc;
        let cast = self.func.new_node(Op::Cast(op, value), Some(to), loc);
        self.with.push(cast);
        self.home.push(block);
        if !self.merge(cast, block) {
            self.out.push(cast);
        }
        let cast = resolve(&self.with, cast);
        self.replace(inst, cast);
    }
}

fn resolve(with: &[Value], mut value: Value) -> Value {
    while with[value.0 as usize] != value {
        value = with[value.0 as usize];
    }
    value
}

/// The key of an instruction that may be merged.
fn key(func: &Func, inst: Value) -> Option<Key> {
    let node = func.node(inst);
    let pair = |a: Value, b: Value| u64::from(a.0) | u64::from(b.0) << 32;
    let kind = |kind: u32, op: u32| kind << 8 | op;
    let (op, operands, more) = match node.op {
        Op::Const(number) => (kind(0, 0), 0, number),
        Op::Bin(op, a, b) => {
            let swap = op.commutes() && a > b;
            (kind(1, op as u32), if swap { pair(b, a) } else { pair(a, b) }, 0)
        }
        Op::Un(op, a) => (kind(2, op as u32), pair(a, a), 0),
        Op::Cast(op, a) => (kind(3, op as u32), pair(a, a), 0),
        Op::Cmp(cond, a, b) => {
            let (cond, a, b) = if a > b { (cond.swapped(), b, a) } else { (cond, a, b) };
            (kind(4, cond as u32), pair(a, b), 0)
        }
        Op::Select(c, a, b) => (kind(5, 0), pair(a, b), c.0.into()),
        Op::PtrAdd { base, index: Some(index), offset } => (kind(6, 0), pair(base, index), offset),
        Op::PtrAdd { base, index: None, offset } => (kind(6, 1), base.0.into(), offset),
        Op::PtrDiff(a, b) => (kind(7, 0), pair(a, b), 0),
        Op::Slot(slot) => (kind(8, 0), slot.0.into(), 0),
        Op::Symbol(symbol) => (kind(9, 0), symbol.0.into(), 0),
        Op::Core(core) => (kind(10, 0), core.into(), 0),
        _ => return None,
    };
    Some(Key { op, ty: node.ty?, operands, more })
}
