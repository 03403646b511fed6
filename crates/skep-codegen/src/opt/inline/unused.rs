//! Takes out the local functions that nothing refers to any more.

use crate::ir::{Callee, Func, Init, Linkage, Module, Op, SymbolId, SymbolKind};

/// Takes out local functions without a reference. Those in a section of their own (`xdp`) are programs, and stay.
pub(in crate::opt) fn remove_unused(module: &mut Module) {
    let used = used(module);
    let goes = |symbol: usize| {
        let it = &module.symbols[symbol];
        matches!(it.kind, SymbolKind::Func(_)) && !used[symbol]
    };
    let gone: Vec<bool> = (0..module.symbols.len()).map(goes).collect();
    if !gone.contains(&true) {
        return;
    }
    let mut next = 0;
    let ids: Vec<SymbolId> = gone
        .iter()
        .map(|gone| {
            let id = SymbolId(next);
            next += u32::from(!gone);
            id
        })
        .collect();
    let id = |symbol: &mut SymbolId| *symbol = ids[symbol.0 as usize];
    module.funcs.retain(|func| !gone[func.symbol.0 as usize]);
    module.tags.retain(|tag| !gone[tag.symbol.0 as usize]);
    module.tags.iter_mut().for_each(|tag| id(&mut tag.symbol));
    let mut symbols = std::mem::take(&mut module.symbols);
    let mut at = gone.iter();
    symbols.retain(|_| !at.next().is_some_and(|gone| *gone));
    for symbol in &mut symbols {
        match &mut symbol.kind {
            SymbolKind::Map(map) => map.values.iter_mut().for_each(|(_, value)| id(value)),
            SymbolKind::Global(global) => global.init.iter_mut().for_each(|init| {
                if let Init::Address { symbol, .. } = init {
                    id(symbol);
                }
            }),
            SymbolKind::Func(_) | SymbolKind::Extern(_) => {}
        }
    }
    for (number, func) in (0..).zip(&mut module.funcs) {
        id(&mut func.symbol);
        symbols[func.symbol.0 as usize].kind = SymbolKind::Func(number);
        for node in &mut func.nodes {
            match &mut node.op {
                Op::Symbol(symbol) | Op::Call { callee: Callee::Symbol(symbol), .. } => id(symbol),
                _ => {}
            }
        }
    }
    module.set_symbols(symbols);
}

/// Which symbols are referred to, from what stays in any case.
fn used(module: &Module) -> Vec<bool> {
    let mut used = vec![false; module.symbols.len()];
    let mut todo: Vec<SymbolId> = Vec::new();
    let mut mark = |symbol: SymbolId, todo: &mut Vec<SymbolId>| {
        if !std::mem::replace(&mut used[symbol.0 as usize], true) {
            todo.push(symbol);
        }
    };
    for (at, symbol) in (0..).zip(&module.symbols) {
        let is_func = matches!(symbol.kind, SymbolKind::Func(_));
        let is_program = symbol.section.as_deref().is_some_and(|section| section != ".text");
        if !is_func || symbol.linkage != Linkage::Local || is_program {
            mark(SymbolId(at), &mut todo);
        }
    }
    while let Some(symbol) = todo.pop() {
        match &module.symbol(symbol).kind {
            SymbolKind::Func(func) => {
                let Some(func) = module.funcs.get(*func as usize) else { continue };
                each_symbol(func, |symbol| mark(symbol, &mut todo));
            }
            SymbolKind::Map(map) => map.values.iter().for_each(|(_, symbol)| mark(*symbol, &mut todo)),
            SymbolKind::Global(global) => {
                for init in &global.init {
                    if let Init::Address { symbol, .. } = init {
                        mark(*symbol, &mut todo);
                    }
                }
            }
            SymbolKind::Extern(_) => {}
        }
    }
    used
}

fn each_symbol(func: &Func, mut f: impl FnMut(SymbolId)) {
    for inst in func.blocks.iter().flat_map(|block| &block.insts) {
        match func.node(*inst).op {
            Op::Symbol(symbol) | Op::Call { callee: Callee::Symbol(symbol), .. } => f(symbol),
            _ => {}
        }
    }
}
