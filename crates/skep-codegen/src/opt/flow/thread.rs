//! Edges go where they end up.
//!
//! An edge into a block that only decides where to go, and whose decision follows from what the edge brings, leads there
//! at once: this is what makes `if (a && b)` two branches without a truth value in between. A jump into a block that
//! only decides on a compare brought along takes the decision with it.

use smallvec::SmallVec;

use super::{Context, count_uses, loop_headers};
use crate::Opt;
use crate::ir::{Block, Cond, Edge, Func, Op, Term, Type, Value, Values};
use crate::opt::eval;

/// How many instructions of a block are looked at.
const MAX_INSTS: usize = 6;

pub(super) fn run(func: &mut Func, context: &Context) -> bool {
    let headers = loop_headers(func);
    let mut thread = Thread {
        uses: count_uses(func),
        private: vec![None; func.blocks.len()],
        headers,
        new_consts: Vec::new(),
        opt: context.options.opt,
        func,
    };
    let mut changed = false;
    for block in thread.func.block_ids() {
        changed |= thread.block(block);
    }
    let Thread { func, new_consts, .. } = thread;
    func.block_mut(Func::ENTRY).insts.splice(0..0, new_consts);
    changed
}

struct Thread<'a> {
    func: &'a mut Func,
    uses: Vec<u32>,
    /// Whether all values of a block are used there only, and it has no effects.
    private: Vec<Option<bool>>,
    headers: Vec<bool>,
    new_consts: Vec<Value>,
    opt: Opt,
}

/// What a value of a passed block is, for one edge.
#[derive(Clone, Copy)]
enum Bound {
    Number(i64),
    Value(Value),
    /// Computed there.
    Unknown,
}

type Bounds = SmallVec<[(Value, Bound); 8]>;

impl Thread<'_> {
    fn block(&mut self, block: Block) -> bool {
        let mut changed = false;
        for _ in 0..8 {
            let mut term = std::mem::replace(&mut self.func.block_mut(block).term, Term::Open);
            let asked = match term {
                Term::Branch { cond, a, b, .. } => Some((cond, a, b)),
                _ => None,
            };
            let mut again = false;
            let mut edges = 0;
            term.each_edge_mut(|edge| {
                let implied = match (edges, asked) {
                    (0, Some((cond, a, b))) => Some((cond, a, b)),
                    (1, Some((cond, a, b))) => Some((cond.inverse(), a, b)),
                    _ => None,
                };
                edges += 1;
                if edge.block != block {
                    again |= self.redirect(edge, implied);
                }
            });
            if let Term::Jump(edge) = &term
                && edge.block != block
                && let Some(new) = self.take_along(edge)
            {
                term = new;
                again = true;
            }
            self.func.block_mut(block).term = term;
            if !again {
                break;
            }
            changed = true;
        }
        changed
    }

    /// Leads an edge to where it ends up; `implied` is what holds where it is taken.
    fn redirect(&mut self, edge: &mut Edge, implied: Option<(Cond, Value, Value)>) -> bool {
        let through = edge.block;
        if self.headers[through.0 as usize] || !self.is_private(through) {
            return false;
        }
        let data = self.func.block(through);
        let next = match &data.term {
            // A block that brings constants along and has several ways in is what they share: it stays.
            Term::Jump(next)
                if next.block != through && (!data.params.is_empty() || next.args.is_empty()) =>
            {
                next.clone()
            }
            Term::Jump(_) | Term::MayGoto { .. } | Term::Open | Term::Return(_) | Term::Unreachable => {
                return false;
            }
            Term::Branch { cond, a, b, then, other } => {
                let bounds = self.bind(through, edge);
                let (cond, a, b) = (*cond, *a, *b);
                let answer = match (self.lookup(&bounds, a), self.lookup(&bounds, b)) {
                    (Bound::Number(x), Bound::Number(y)) => eval::holds(cond, self.func.ty(a), x, y),
                    (x, y) => match implied.and_then(|implied| self.implies(implied, cond, x, y)) {
                        Some(answer) => answer,
                        None => return false,
                    },
                };
                if answer { then.clone() } else { other.clone() }
            }
            Term::Switch { value, cases, default } => {
                let bounds = self.bind(through, edge);
                let Bound::Number(number) = self.lookup(&bounds, *value) else { return false };
                cases.iter().find(|(case, _)| *case == number).map_or(default, |(_, edge)| edge).clone()
            }
        };
        let bounds = self.bind(through, edge);
        let mut args = Values::new();
        for &arg in &next.args {
            match self.lookup(&bounds, arg) {
                Bound::Value(value) => args.push(value),
                Bound::Number(number) => {
                    let ty = self.func.ty(arg);
                    args.push(self.constant(ty, number));
                }
                Bound::Unknown => return false,
            }
        }
        for arg in &args {
            self.uses[arg.0 as usize] += 1;
        }
        *edge = Edge { block: next.block, args };
        true
    }

    /// Whether the answer of a compare follows from one that holds.
    fn implies(&self, (held, x, y): (Cond, Value, Value), cond: Cond, a: Bound, b: Bound) -> Option<bool> {
        let is = |bound: Bound, value: Value| match bound {
            Bound::Value(it) => it == value,
            Bound::Number(number) => self.func.as_const(value) == Some(number),
            Bound::Unknown => false,
        };
        if !is(a, x) || !is(b, y) {
            return None;
        }
        if cond == held {
            Some(true)
        } else if cond == held.inverse() {
            Some(false)
        } else {
            None
        }
    }

    /// A terminator that a jump takes from the block it leads to.
    fn take_along(&mut self, edge: &Edge) -> Option<Term> {
        let from = edge.block;
        if self.headers[from.0 as usize] || !self.is_private(from) || !self.func.block(from).insts.is_empty()
        {
            return None;
        }
        let pays = match &self.func.block(from).term {
            Term::Return(_) => self.opt == Opt::O2 || self.func.block(from).params.is_empty(),
            // A truth value that is a compare: the branch will contain it.
            Term::Branch { cond: Cond::Eq | Cond::Ne, a, b, .. } => {
                let bounds = self.bind(from, edge);
                let Bound::Value(it) = self.lookup(&bounds, *a) else { return None };
                let compared = match self.func.node(it).op {
                    Op::Cast(_, inner) => inner,
                    _ => it,
                };
                it != *a
                    && self.func.as_const(*b).is_some()
                    && matches!(self.func.node(compared).op, Op::Cmp(..))
            }
            _ => false,
        };
        if !pays {
            return None;
        }
        let bounds = self.bind(from, edge);
        let mut term = self.func.block(from).term.clone();
        let mut failed = false;
        let mut operands = Vec::new();
        term.each_operand_mut(|v| {
            match self.lookup(&bounds, *v) {
                Bound::Value(value) => *v = value,
                Bound::Number(number) => *v = self.constant(self.func.ty(*v), number),
                Bound::Unknown => failed = true,
            }
            operands.push(*v);
        });
        if failed {
            return None;
        }
        for v in operands {
            self.uses[v.0 as usize] += 1;
        }
        Some(term)
    }

    /// What the values of a block are if it is entered by this edge.
    fn bind(&self, block: Block, edge: &Edge) -> Bounds {
        let data = self.func.block(block);
        let mut bounds = Bounds::new();
        for (&param, &arg) in data.params.iter().zip(&edge.args) {
            let bound = self.func.as_const(arg).map_or(Bound::Value(arg), Bound::Number);
            bounds.push((param, bound));
        }
        for &inst in &data.insts {
            let bound = self.compute(&bounds, inst);
            bounds.push((inst, bound));
        }
        bounds
    }

    fn lookup(&self, bounds: &Bounds, value: Value) -> Bound {
        if let Some((_, bound)) = bounds.iter().find(|(it, _)| *it == value) {
            return *bound;
        }
        self.func.as_const(value).map_or(Bound::Value(value), Bound::Number)
    }

    fn compute(&self, bounds: &Bounds, inst: Value) -> Bound {
        let number = |v: Value| match self.lookup(bounds, v) {
            Bound::Number(number) => Some(number),
            _ => None,
        };
        let result = eval::inst(self.func, inst, number);
        result.map_or(Bound::Unknown, Bound::Number)
    }

    fn constant(&mut self, ty: Type, number: i64) -> Value {
        let same = |v: &&Value| self.func.ty(**v) == ty && self.func.as_const(**v) == Some(number);
        if let Some(&value) = self.new_consts.iter().rev().take(8).find(same) {
            return value;
        }
        let value = self.func.new_node(Op::Const(number), Some(ty), self.func.loc);
        self.uses.push(0);
        self.new_consts.push(value);
        value
    }

    /// Whether an edge may go past a block: it has no effects, is small, and nobody else uses its values.
    fn is_private(&mut self, block: Block) -> bool {
        let at = block.0 as usize;
        if let Some(known) = self.private[at] {
            return known;
        }
        let data = self.func.block(block);
        let mut private =
            data.insts.len() <= MAX_INSTS && data.insts.iter().all(|v| self.func.node(*v).op.is_pure());
        if private && !(data.insts.is_empty() && data.params.is_empty()) {
            let mut inside: SmallVec<[(Value, u32); 8]> =
                data.params.iter().chain(&data.insts).map(|v| (*v, self.uses[v.0 as usize])).collect();
            let mut seen = |v: Value| {
                if let Some((_, left)) = inside.iter_mut().find(|(it, _)| *it == v) {
                    *left = left.saturating_sub(1);
                }
            };
            for &inst in &data.insts {
                self.func.node(inst).op.each_operand(&mut seen);
            }
            data.term.each_operand(&mut seen);
            private = data.params.len() <= 16 && inside.iter().all(|(_, left)| *left == 0);
        }
        self.private[at] = Some(private);
        private
    }
}
