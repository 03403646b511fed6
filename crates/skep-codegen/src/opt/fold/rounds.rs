//! Bounds of what counts the rounds of a loop.

use crate::ir::{BinOp, Block, Callee, Cfg, Cond, Func, Module, Op, SymbolKind, Term, Type, Value};
use crate::opt::{eval, known::Known};

/// How many blocks are looked at from the end of a loop upwards.
const MAX_UP: usize = 16;

/// The largest number that is believed: far from where signs change.
const MAX: i64 = 1 << 28;

/// Whether the verifier walks through all rounds of the loops. Where iterators or `may_goto` bound them it does not: there
/// it forgets what counts them.
pub(super) fn are_walked(func: &Func, module: &Module) -> bool {
    let is_kfunc = |inst: &Value| match func.node(*inst).op {
        Op::Call { callee: Callee::Symbol(symbol), .. } => {
            !matches!(module.symbol(symbol).kind, SymbolKind::Func(_))
        }
        _ => false,
    };
    func.blocks
        .iter()
        .all(|block| !matches!(block.term, Term::MayGoto { .. }) && !block.insts.iter().any(is_kfunc))
}

/// What a parameter of a loop's header is that begins with a constant, grows by a constant, and is compared with one in
/// each round. The verifier knows more: the very number, in each round that it walks.
pub(super) fn range(func: &Func, cfg: &Cfg, header: Block, at: usize) -> Option<Known> {
    let param = func.block(header).params[at];
    let Type::Int(32..=64) = func.ty(param) else { return None };
    let mut first: Option<(i64, i64)> = None;
    let mut last: Option<i64> = None;
    let mut seen = None;
    for &pred in cfg.preds(header) {
        if seen.replace(pred) == Some(pred) {
            continue;
        }
        let mut all = true;
        func.block(pred).term.each_edge(|edge| {
            if edge.block != header {
                return;
            }
            let arg = edge.args[at];
            if let Some(number) = func.as_const(arg) {
                first = Some(first.map_or((number, number), |(min, max)| (min.min(number), max.max(number))));
            } else if let Some(max) = largest(func, cfg, header, pred, param, arg) {
                last = Some(last.map_or(max, |last: i64| last.max(max)));
            } else {
                all = false;
            }
        });
        if !all {
            return None;
        }
    }
    let ((min, max), last) = (first?, last?);
    (0 <= min && max < MAX).then(|| Known::range(min.cast_unsigned(), max.max(last).cast_unsigned()))
}

/// The largest number that an edge from `latch` brings, which is the parameter and a constant more.
fn largest(func: &Func, cfg: &Cfg, header: Block, latch: Block, param: Value, next: Value) -> Option<i64> {
    let Op::Bin(BinOp::Add, x, step) = func.node(next).op else { return None };
    let step = func.as_const(step).filter(|step| x == param && (1..MAX).contains(step))?;
    // The tests that were passed on the way, of the number before or after it grew.
    let (mut block, mut to) = (latch, header);
    for _ in 0..MAX_UP {
        if let Term::Branch { cond, a, b, then, other } = &func.block(block).term
            && then.block != other.block
            && (to == header || cfg.preds(to).len() == 1)
            && let Some(number) = func.as_const(*b)
            && (*a == param || *a == next)
        {
            let held = if then.block == to { *cond } else { cond.inverse() };
            let limit = match held {
                Cond::Ult | Cond::Slt => Some(number.saturating_sub(1)),
                Cond::Ule | Cond::Sle => Some(number),
                _ => None,
            };
            if let Some(limit) = limit.filter(|limit| (0..MAX).contains(limit)) {
                debug_assert_eq!(eval::bits(func.ty(param), limit), limit.cast_unsigned());
                return Some(if *a == param { limit + step } else { limit });
            }
        }
        if block == header {
            return None;
        }
        to = block;
        block = cfg.idom(block)?;
    }
    None
}
