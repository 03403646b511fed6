//! Takes out block parameters that are one value all the time.

use super::{Context, identity};
use crate::ir::{Block, Cfg, Func, Value};

/// How many parameters of a block are compared with each other.
const MAX_TWINS: usize = 32;

/// Replaces parameters for which all edges bring the same value (or the parameter itself) by that value, and parameters
/// that are brought the same as another one of their block by that one.
pub(super) fn run(func: &mut Func, _context: &Context) -> bool {
    if func.blocks.iter().skip(1).all(|block| block.params.is_empty()) {
        return false;
    }
    let cfg = Cfg::new(func);
    let mut with = identity(func);
    let mut any = false;
    // In reverse postorder, one round settles all but chains that lead around loops.
    for _ in 0..8 {
        let mut changed = false;
        for &block in cfg.order.iter().skip(1) {
            changed |= simplify(func, &cfg, block, &mut with);
        }
        if !changed {
            break;
        }
        any = true;
    }
    if any {
        remove(func, &with);
        func.replace_values(&mut with);
    }
    any
}

fn resolve(with: &[Value], mut value: Value) -> Value {
    while with[value.0 as usize] != value {
        value = with[value.0 as usize];
    }
    value
}

fn simplify(func: &Func, cfg: &Cfg, block: Block, with: &mut [Value]) -> bool {
    let params = &func.block(block).params;
    if params.is_empty() {
        return false;
    }
    // One row of arguments for each edge.
    let mut args: Vec<Value> = Vec::new();
    let mut last = None;
    for &pred in cfg.preds(block) {
        // Two edges from one block are two entries next to each other.
        if last.replace(pred) == Some(pred) {
            continue;
        }
        func.block(pred).term.each_edge(|edge| {
            if edge.block == block {
                args.extend(edge.args.iter().map(|arg| resolve(with, *arg)));
            }
        });
    }
    let rows = args.chunks_exact(params.len());
    let mut changed = false;
    for (at, &param) in params.iter().enumerate() {
        if with[param.0 as usize] != param {
            continue;
        }
        let mut only = None;
        let mut is_single = true;
        for row in rows.clone() {
            let arg = resolve(with, row[at]);
            if arg != param && *only.get_or_insert(arg) != arg {
                is_single = false;
                break;
            }
        }
        if let (Some(only), true) = (only, is_single) {
            with[param.0 as usize] = only;
            changed = true;
            continue;
        }
        let twin = (0..at.min(MAX_TWINS)).find(|&other| {
            with[params[other].0 as usize] == params[other]
                && func.ty(params[other]) == func.ty(param)
                && rows.clone().all(|row| {
                    let (a, b) = (resolve(with, row[at]), resolve(with, row[other]));
                    a == b || a == param && b == params[other]
                })
        });
        if let Some(other) = twin {
            with[param.0 as usize] = params[other];
            changed = true;
        }
    }
    changed
}

/// Takes the replaced parameters out of their blocks and edges.
fn remove(func: &mut Func, with: &[Value]) {
    let goes = |v: Value| with[v.0 as usize] != v;
    let gone: Vec<Vec<bool>> = func
        .blocks
        .iter()
        .map(|block| {
            if block.params.iter().any(|v| goes(*v)) {
                block.params.iter().map(|v| goes(*v)).collect()
            } else {
                Vec::new()
            }
        })
        .collect();
    for block in &mut func.blocks {
        block.params.retain(|v| !goes(*v));
        block.term.each_edge_mut(|edge| {
            let mut gone = gone[edge.block.0 as usize].iter();
            edge.args.retain(|_| !gone.next().is_some_and(|gone| *gone));
        });
    }
}
