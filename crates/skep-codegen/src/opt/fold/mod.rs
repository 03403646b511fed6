//! Constants, and simpler forms of what is there.
//!
//! One walk over the blocks, operands before users. Each instruction is rewritten until no rule fits. Constants end up in
//! the entry block, each number once: where a constant stands costs nothing, and values can be compared by name.

mod cast;
mod compare;
mod int;
mod memory;
mod rounds;

use rustc_hash::FxHashMap;

use super::known::{self, Known};
use super::{Context, count_uses, eval, identity};
use crate::ir::{Block, Cfg, Cond, Edge, Func, Loc, Op, Term, Type, Value};

/// Rewrites all instructions.
pub(super) fn run(func: &mut Func, context: &Context) -> bool {
    let cfg = Cfg::new(func);
    let mut fold = Fold {
        known: vec![Known::nothing(Type::I64); func.nodes.len()],
        with: identity(func),
        uses: count_uses(func),
        out: Vec::new(),
        consts: FxHashMap::default(),
        entry: Vec::new(),
        changed: false,
        loc: Loc::UNKNOWN,
        walks_rounds: rounds::are_walked(func, context.module),
        func,
        context,
    };
    for &block in &cfg.order {
        fold.params(&cfg, block);
        fold.block(block);
    }
    let Fold { mut with, entry, changed, func, .. } = fold;
    func.block_mut(Func::ENTRY).insts.splice(0..0, entry);
    if changed {
        func.replace_values(&mut with);
    }
    changed
}

/// What becomes of an instruction.
enum Change {
    /// Another value takes its place.
    Same(Value),
    /// A number takes its place.
    Number(i64),
    /// It does something else.
    Op(Op),
}

struct Fold<'a> {
    func: &'a mut Func,
    context: &'a Context<'a>,
    /// What takes the place of each value.
    with: Vec<Value>,
    known: Vec<Known>,
    uses: Vec<u32>,
    /// What the block will hold, so far.
    out: Vec<Value>,
    consts: FxHashMap<(Type, i64), Value>,
    /// Constants: what the entry block will begin with.
    entry: Vec<Value>,
    changed: bool,
    /// The line of the instruction that is being rewritten.
    loc: Loc,
    /// Whether the verifier walks all rounds of loops.
    walks_rounds: bool,
}

impl Fold<'_> {
    /// What is known of parameters: what holds for all that the edges bring, if those are known by now.
    fn params(&mut self, cfg: &Cfg, block: Block) {
        let preds = cfg.preds(block);
        let here = cfg.position(block);
        let settled = !preds.is_empty() && preds.iter().all(|&pred| cfg.position(pred) < here);
        for at in 0..self.func.block(block).params.len() {
            let param = self.func.block(block).params[at];
            let mut known = Known::nothing(self.func.ty(param));
            if settled && preds.len() <= 16 {
                let mut all: Option<Known> = None;
                for &pred in preds {
                    self.func.block(pred).term.each_edge(|edge| {
                        if edge.block == block {
                            let arg = self.known[edge.args[at].0 as usize];
                            all = Some(all.map_or(arg, |all| all.join(arg)));
                        }
                    });
                }
                known = all.unwrap_or(known);
            } else if self.walks_rounds
                && let Some(range) = rounds::range(self.func, cfg, block, at)
            {
                known = range;
            }
            self.known[param.0 as usize] = known;
        }
    }

    fn block(&mut self, block: Block) {
        let insts = std::mem::take(&mut self.func.block_mut(block).insts);
        self.out = Vec::with_capacity(insts.len());
        for inst in insts {
            self.inst(inst);
        }
        self.loc = self.func.block(block).loc;
        let mut term = std::mem::replace(&mut self.func.block_mut(block).term, Term::Open);
        term.each_operand_mut(|v| *v = resolve(&self.with, *v));
        self.term(&mut term);
        let data = self.func.block_mut(block);
        data.term = term;
        data.insts = std::mem::take(&mut self.out);
    }

    fn inst(&mut self, inst: Value) {
        self.func.nodes[inst.0 as usize].op.each_operand_mut(|v| *v = resolve(&self.with, *v));
        self.loc = self.func.node(inst).loc;
        // Each rule makes the instruction simpler; the limit is for rules that might undo each other.
        for _ in 0..16 {
            match self.simplify(inst) {
                Some(Change::Op(op)) => {
                    self.changed = true;
                    self.set_op(inst, op);
                }
                Some(Change::Number(number)) => {
                    let ty = self.func.ty(inst);
                    if matches!(self.func.node(inst).op, Op::Const(_)) {
                        return self.constant_inst(inst, ty, number);
                    }
                    let number = self.constant(ty, number);
                    return self.replace(inst, number);
                }
                Some(Change::Same(value)) => return self.replace(inst, value),
                None => break,
            }
        }
        if let Op::Const(number) = self.func.node(inst).op {
            let ty = self.func.ty(inst);
            return self.constant_inst(inst, ty, number);
        }
        let known = known::of(self.func, inst, |v| self.known[v.0 as usize]);
        if let (Some(number), Some(ty @ Type::Int(_)), true) =
            (known.as_number(), self.func.node(inst).ty, self.func.node(inst).op.is_pure())
        {
            let number = self.constant(ty, number.cast_signed());
            return self.replace(inst, number);
        }
        self.known[inst.0 as usize] = known;
        self.out.push(inst);
    }

    /// A constant that stands in a block already moves to the entry, or gives way to an equal one.
    fn constant_inst(&mut self, inst: Value, ty: Type, number: i64) {
        match self.consts.get(&(ty, number)) {
            Some(&other) => self.replace(inst, other),
            None => {
                self.known[inst.0 as usize] = Known::number(eval::bits(ty, number));
                self.consts.insert((ty, number), inst);
                self.entry.push(inst);
            }
        }
    }

    fn replace(&mut self, inst: Value, value: Value) {
        debug_assert_ne!(inst, value);
        self.changed = true;
        self.with[inst.0 as usize] = value;
        self.uses[value.0 as usize] += self.uses[inst.0 as usize];
        self.uses[inst.0 as usize] = 0;
        let Fold { func, uses, .. } = self;
        func.node(inst).op.each_operand(|v| uses[v.0 as usize] = uses[v.0 as usize].saturating_sub(1));
    }

    fn set_op(&mut self, inst: Value, op: Op) {
        let Fold { func, uses, .. } = self;
        op.each_operand(|v| uses[v.0 as usize] += 1);
        func.node(inst).op.each_operand(|v| uses[v.0 as usize] = uses[v.0 as usize].saturating_sub(1));
        func.node_mut(inst).op = op;
    }

    /// The constant of this type.
    fn constant(&mut self, ty: Type, number: i64) -> Value {
        let number = ty.canonical(number);
        if let Some(&value) = self.consts.get(&(ty, number)) {
            return value;
        }
        let value = self.new_node(Op::Const(number), ty);
        self.known[value.0 as usize] = Known::number(eval::bits(ty, number));
        self.consts.insert((ty, number), value);
        self.entry.push(value);
        value
    }

    /// A new instruction before the one that is being rewritten.
    fn insert(&mut self, op: Op, ty: Type) -> Value {
        if let Op::Const(number) = op {
            return self.constant(ty, number);
        }
        let Fold { uses, .. } = self;
        op.each_operand(|v| uses[v.0 as usize] += 1);
        let value = self.new_node(op, ty);
        self.known[value.0 as usize] = known::of(self.func, value, |v| self.known[v.0 as usize]);
        self.out.push(value);
        value
    }

    fn new_node(&mut self, op: Op, ty: Type) -> Value {
        let value = self.func.new_node(op, Some(ty), self.loc);
        self.with.push(value);
        self.known.push(Known::nothing(ty));
        self.uses.push(0);
        value
    }

    fn known(&self, value: Value) -> Known {
        self.known[value.0 as usize]
    }

    fn op(&self, value: Value) -> &Op {
        &self.func.node(value).op
    }

    /// Whether the instruction that is being rewritten is the only user.
    fn is_single(&self, value: Value) -> bool {
        self.uses[value.0 as usize] <= 1
    }

    fn simplify(&mut self, inst: Value) -> Option<Change> {
        let node = self.func.node(inst);
        let ty = node.ty.unwrap_or(Type::I64);
        match node.op {
            Op::Bin(op, a, b) => self.bin(ty, op, a, b),
            Op::Un(op, a) => self.un(ty, op, a),
            Op::Cast(op, a) => self.cast(ty, op, a),
            Op::Cmp(cond, a, b) => self.cmp(cond, a, b),
            Op::Select(c, a, b) => self.select(ty, c, a, b),
            Op::PtrAdd { base, index, offset } => self.ptradd(base, index, offset),
            Op::PtrDiff(a, b) if a == b => Some(Change::Number(0)),
            Op::PtrDiff(..) => None,
            Op::Load { .. } | Op::Store { .. } | Op::Atomic { .. } | Op::CmpXchg { .. } => self.access(inst),
            _ => None,
        }
    }

    fn term(&mut self, term: &mut Term) {
        let same = |a: &Edge, b: &Edge| a.block == b.block && a.args == b.args;
        match term {
            Term::Branch { cond, a, b, then, other } => {
                for _ in 0..16 {
                    if same(then, other) {
                        self.changed = true;
                        *term = Term::Jump(then.clone());
                        return;
                    }
                    match self.compare(*cond, *a, *b) {
                        Some(compare::Change::Known(answer)) => {
                            self.changed = true;
                            *term = Term::Jump(if answer { then.clone() } else { other.clone() });
                            return;
                        }
                        Some(compare::Change::Ask(new, x, y)) => {
                            self.changed = true;
                            for v in [x, y] {
                                self.uses[v.0 as usize] += 1;
                            }
                            for v in [*a, *b] {
                                self.uses[v.0 as usize] = self.uses[v.0 as usize].saturating_sub(1);
                            }
                            (*cond, *a, *b) = (new, x, y);
                        }
                        None => return,
                    }
                }
            }
            Term::Switch { value, cases, default } => {
                let known = self.known(*value);
                let ty = self.func.ty(*value);
                if let Some(number) = known.as_number() {
                    let number = ty.canonical(number.cast_signed());
                    let edge =
                        cases.iter().find(|(case, _)| *case == number).map_or(&*default, |(_, edge)| edge);
                    *term = Term::Jump(edge.clone());
                    self.changed = true;
                    return;
                }
                let before = cases.len();
                cases.retain(|(case, edge)| {
                    let case = Known::number(eval::bits(ty, *case));
                    !same(edge, default) && known.compare(Cond::Eq, case, ty) != Some(false)
                });
                self.changed |= cases.len() != before;
                if cases.is_empty() {
                    self.changed = true;
                    *term = Term::Jump(default.clone());
                } else if let [(case, edge)] = &cases[..] {
                    self.changed = true;
                    let (a, b) = (*value, self.constant(ty, *case));
                    *term = Term::Branch { cond: Cond::Eq, a, b, then: edge.clone(), other: default.clone() };
                }
            }
            Term::MayGoto { .. } | Term::Open | Term::Jump(_) | Term::Return(_) | Term::Unreachable => {}
        }
    }
}

fn resolve(with: &[Value], mut value: Value) -> Value {
    while with[value.0 as usize] != value {
        value = with[value.0 as usize];
    }
    value
}
