//! Local functions become parts of their callers.
//!
//! Functions are visited callees first, so that what is inlined is simplified already. A function that others may
//! replace later (exported) stays a call, unless the options say that nobody will.

mod body;
mod unused;

use super::{Context, Observer};
use crate::ir::{Callee, Func, Inline, Linkage, Module, Op, SymbolId, SymbolKind};
use crate::{Opt, Options};

pub(super) use unused::remove_unused;

/// A caller is not made larger than this, but for functions that are always inlined.
const MAX_CALLER: usize = 8_000;

/// The helper that leaves the function for another program: in a caller it would leave that.
const TAIL_CALL: u32 = 12;

/// Inlines what pays, and calls `simplify` for each function when its callees are inlined.
pub(super) fn run(
    module: &mut Module,
    options: &Options,
    observer: Observer,
    mut simplify: impl FnMut(&mut Module, usize, Observer),
) {
    let graph = CallGraph::new(module);
    for &func in &graph.order {
        if into(module, options, &graph, func) {
            observer("inline", module, u32::try_from(func).unwrap_or(0));
        }
        simplify(module, func, observer);
    }
}

/// Who calls whom.
struct CallGraph {
    /// Functions, callees first.
    order: Vec<usize>,
    /// Where a function stands in `order`: a callee that does not stand before its caller is recursive.
    position: Vec<usize>,
    /// How often each function is called.
    calls: Vec<u32>,
    /// Whether the address of a function is used.
    taken: Vec<bool>,
    /// Whether a function calls itself, perhaps through others.
    recursive: Vec<bool>,
}

impl CallGraph {
    fn new(module: &Module) -> CallGraph {
        let count = module.funcs.len();
        let mut graph = CallGraph {
            order: Vec::new(),
            position: vec![0; count],
            calls: vec![0; count],
            taken: vec![false; count],
            recursive: vec![false; count],
        };
        let mut callees = vec![Vec::new(); count];
        for (caller, func) in module.funcs.iter().enumerate() {
            for inst in func.blocks.iter().flat_map(|block| &block.insts) {
                match func.node(*inst).op {
                    Op::Call { callee: Callee::Symbol(symbol), .. } => {
                        if let Some(callee) = body_of(module, symbol) {
                            graph.calls[callee] += 1;
                            callees[caller].push(callee);
                        }
                    }
                    Op::Symbol(symbol) => {
                        if let Some(callee) = body_of(module, symbol) {
                            graph.taken[callee] = true;
                        }
                    }
                    _ => {}
                }
            }
        }
        graph.sort(&callees);
        for (func, callees) in callees.iter().enumerate() {
            graph.recursive[func] =
                callees.iter().any(|callee| graph.position[*callee] >= graph.position[func]);
        }
        graph
    }

    /// Postorder of the calls, without recursion: chains of calls may be long.
    fn sort(&mut self, callees: &[Vec<usize>]) {
        let mut seen = vec![false; callees.len()];
        for start in 0..callees.len() {
            if std::mem::replace(&mut seen[start], true) {
                continue;
            }
            let mut path = vec![(start, 0)];
            while let Some((func, next)) = path.last_mut() {
                match callees[*func].get(*next) {
                    Some(&callee) => {
                        *next += 1;
                        if !std::mem::replace(&mut seen[callee], true) {
                            path.push((callee, 0));
                        }
                    }
                    None => {
                        self.position[*func] = self.order.len();
                        self.order.push(*func);
                        path.pop();
                    }
                }
            }
        }
    }
}

/// The function of this module that a symbol names.
fn body_of(module: &Module, symbol: SymbolId) -> Option<usize> {
    match module.symbol(symbol).kind {
        SymbolKind::Func(func) => usize::try_from(func).ok().filter(|func| *func < module.funcs.len()),
        _ => None,
    }
}

/// Inlines into one function.
fn into(module: &mut Module, options: &Options, graph: &CallGraph, caller: usize) -> bool {
    let mut func = std::mem::replace(&mut module.funcs[caller], super::absent());
    let mut size = size(&func);
    let mut calls = Vec::new();
    for (block, data) in func.block_ids().zip(&func.blocks) {
        for &inst in &data.insts {
            if let Op::Call { callee: Callee::Symbol(symbol), .. } = func.node(inst).op
                && let Some(callee) = body_of(module, symbol)
                && callee != caller
                && graph.position[callee] < graph.position[caller]
            {
                calls.push((block, inst, callee));
            }
        }
    }
    let mut changed = false;
    let context = Context { module, options };
    // From the back, so that the blocks of calls that are still to come stay what they are.
    for (block, inst, callee) in calls.into_iter().rev() {
        let Some(cost) = pays(&context, graph, callee, size) else { continue };
        if body::inline(&mut func, block, inst, &module.funcs[callee]) {
            size += cost;
            changed = true;
        }
    }
    module.funcs[caller] = func;
    changed
}

/// Whether a function is worth inlining, and its size.
fn pays(context: &Context, graph: &CallGraph, callee: usize, caller_size: usize) -> Option<usize> {
    let func = &context.module.funcs[callee];
    let symbol = context.module.symbol(func.symbol);
    let replaceable = match symbol.linkage {
        Linkage::Local => false,
        Linkage::Weak => true,
        Linkage::Global | Linkage::Hidden => !context.options.closed_world,
    };
    if replaceable || func.inline == Inline::Never || func.sig.variadic || !is_movable(func) {
        return None;
    }
    let size = size(func);
    if func.inline == Inline::Always {
        return Some(size);
    }
    if graph.recursive[callee] {
        return None;
    }
    let gone_then = symbol.linkage == Linkage::Local && graph.calls[callee] == 1 && !graph.taken[callee];
    let limit = match context.options.opt {
        Opt::O0 => return None,
        _ if gone_then => 2_000,
        // What the call itself takes: arguments, the call, the result.
        Opt::O1 | Opt::Os => func.sig.params.len() + 3,
        Opt::O2 => 40,
    };
    (size <= limit && caller_size + size <= MAX_CALLER).then_some(size)
}

/// Whether a body means the same elsewhere, and more than once.
fn is_movable(func: &Func) -> bool {
    func.blocks.iter().flat_map(|block| &block.insts).all(|inst| {
        !matches!(func.node(*inst).op, Op::Marker { .. } | Op::Call { callee: Callee::Helper(TAIL_CALL), .. })
    })
}

/// About how many instructions a function has.
fn size(func: &Func) -> usize {
    let insts = |block: &crate::ir::BlockData| {
        let free = |v: &&crate::ir::Value| !matches!(func.node(**v).op, Op::Const(_) | Op::Slot(_));
        block.insts.iter().filter(free).count()
    };
    func.blocks.iter().map(|block| insts(block) + 1).sum()
}
